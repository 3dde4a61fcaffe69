"""Saving and loading, without pickle: what is in a file can be read and checked, and never runs.

- `files`: nobody ever finds half a file;
- `container`: safetensors with a document and a checksum;
- `describing`, `building`, `known`: objects as descriptions in JSON, and back;
- `generators`: the state of random generators;
- `parameters`, `models`: what is written, and what is checked before anything is changed;
- `comparing`: whether a network that was made again is the one that it was.
"""

from nn.saving.errors import LoadError, SaveError
from nn.saving.models import Parts, load_model, save_model
from nn.saving.parameters import load_parameters, save_parameters

__all__ = ["LoadError", "Parts", "SaveError", "load_model", "load_parameters", "save_model", "save_parameters"]
