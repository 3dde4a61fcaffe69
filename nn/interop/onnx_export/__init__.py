"""Export to ONNX.

- `errors`: `ExportError`;
- `sizes`: lengths of free axes, such as the batch;
- `value`: `Value`, an array without values, on which NumPy's functions add nodes;
- `graph`: the nodes, constants and names of the ONNX graph, in two layouts of images;
- `functions`: NumPy's functions as operators;
- `tracing`: runs a network on `Value`s, so that its layers and operations add their nodes;
- `nodes`: layers that become ONNX operators as a whole;
- `onnx_file`: `export_onnx`, the file, and its inputs and outputs.
"""

from nn.interop.onnx_export.errors import ExportError
from nn.interop.onnx_export.onnx_file import export_onnx

__all__ = ["ExportError", "export_onnx"]
