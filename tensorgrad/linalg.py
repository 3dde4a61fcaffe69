"""Linear algebra under the names of `numpy.linalg`: `tg.linalg.solve` is `np.linalg.solve` with gradients."""

from tensorgrad.ops.decompositions import cholesky, eigh, eigvalsh, qr, svd, svdvals
from tensorgrad.ops.determinants import cofactors, det, slogdet
from tensorgrad.ops.factors import divide_by_gaps
from tensorgrad.ops.matrix_chains import matrix_power, multi_dot
from tensorgrad.ops.norms import cond, matrix_norm, norm, vector_norm
from tensorgrad.ops.solving import inv, lstsq, pinv, solve, tensorinv, tensorsolve

__all__ = [
    "cholesky", "cofactors", "cond", "det", "divide_by_gaps", "eigh", "eigvalsh", "inv", "lstsq", "matrix_norm",
    "matrix_power", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensorinv", "tensorsolve",
    "vector_norm",
]  # fmt: skip
