"""Weights from other frameworks: PyTorch, Keras, Hugging Face; and networks for other runtimes, as ONNX files.

- `loading`, `saving`: `load_pytorch`, `load_keras`, `save_pytorch`, `save_keras`;
- `fitting`: what fits, what does not, and the likely cause;
- `expected`: the names and shapes that the other framework uses for the tensors of a network;
- `matching`: which tensor of the source belongs to which tensor of the network, by name and by order;
- `sources`, `weights`, `arrays`: files, and mappings in memory, as arrays by name;
- `onnx_export`: `export_onnx`;
- `files`, `torch_files`, `keras_files`, `zip_files`: the file formats, read without running code from the file.
"""

from nn._load_report import LoadReport
from nn._weight_layouts import Foreign, Layout, foreign
from nn.interop.exporting import save_keras, save_pytorch
from nn.interop.files import read_weights
from nn.interop.loading import load_keras, load_pytorch
from nn.interop.onnx_export import ExportError, export_onnx

__all__ = [
    "ExportError",
    "Foreign",
    "Layout",
    "LoadReport",
    "export_onnx",
    "foreign",
    "load_keras",
    "load_pytorch",
    "read_weights",
    "save_keras",
    "save_pytorch",
]
