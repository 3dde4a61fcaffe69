"""Saving and loading without pickle: a file can be read and checked, and nothing in it is ever executed.

- `format`: safetensors files with a document and a checksum, written atomically;
- `state`: parameters and the state of random generators;
- `config`: objects as descriptions in JSON;
- `attributes`: plain data that training changed in them;
- `build`: objects from descriptions, and the comparison of the result with the original;
- `models`: whole models, and what is checked before anything is changed.
"""

from nn.saving.format import LoadError, SaveError
from nn.saving.models import Parts, load_model, save_model
from nn.saving.state import load_parameters, save_parameters

__all__ = ["LoadError", "Parts", "SaveError", "load_model", "load_parameters", "save_model", "save_parameters"]
