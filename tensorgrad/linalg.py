"""Linear algebra under the names of `numpy.linalg`: `tg.linalg.solve` is `np.linalg.solve` with gradients."""

from tensorgrad.ops.linalg.decompositions import cholesky, eigh, eigvalsh, qr, svd, svdvals
from tensorgrad.ops.linalg.determinants import cofactors, det, slogdet
from tensorgrad.ops.linalg.factors import divide_by_gaps
from tensorgrad.ops.linalg.matmul import matmul
from tensorgrad.ops.linalg.matrix_chains import matrix_power, multi_dot
from tensorgrad.ops.linalg.norms import cond, matrix_norm, norm, vector_norm
from tensorgrad.ops.linalg.products import tensordot
from tensorgrad.ops.linalg.solve import inv, lstsq, pinv, solve, tensorinv, tensorsolve
from tensorgrad.ops.linalg.stacked import cross, diagonal, matrix_transpose, outer, trace, vecdot

__all__ = [
    "cholesky", "cofactors", "cond", "cross", "det", "diagonal", "divide_by_gaps", "eigh", "eigvalsh", "inv", "lstsq",
    "matmul", "matrix_norm", "matrix_power", "matrix_transpose", "multi_dot", "norm", "outer", "pinv", "qr", "slogdet",
    "solve", "svd", "svdvals", "tensordot", "tensorinv", "tensorsolve", "trace", "vecdot", "vector_norm",
]  # fmt: skip
