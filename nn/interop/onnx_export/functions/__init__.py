"""NumPy's functions of values, as ONNX operators.

- `elementwise`: ufuncs, `where`, `clip`, and the layout in which they are computed;
- `shapes`: reshaping, transposing, indexing, joining and padding;
- `reductions`: sums, means, extrema, and products of matrices.
"""

from nn.interop.onnx_export.functions import elementwise, reductions, shapes

__all__ = ["elementwise", "reductions", "shapes"]
