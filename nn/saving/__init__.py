"""Saving and loading without pickle: no code from a file is ever executed.

- `format`: safetensors files with a JSON document and a checksum, written atomically;
- `state`: parameters and the state of random generators;
- `config`: JSON descriptions of objects;
- `attributes`: plain attributes that training changed;
- `build`: building objects from their descriptions, and comparing the result with the original;
- `models`: saving and loading whole models, with all checks before any change.
"""

from nn.saving.format import LoadError, SaveError
from nn.saving.models import Parts, load_model, save_model
from nn.saving.state import load_parameters, save_parameters

__all__ = ["LoadError", "Parts", "SaveError", "load_model", "load_parameters", "save_model", "save_parameters"]
