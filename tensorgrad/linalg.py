"""Linear algebra under the names of `numpy.linalg`: `tg.linalg.solve` is `np.linalg.solve` with gradients.

`expm` and `solve_triangular` are those of `scipy.linalg`; SciPy is imported on first access to them.
"""

from typing import TYPE_CHECKING, Any

from tensorgrad.ops.linalg.determinants import det, slogdet
from tensorgrad.ops.linalg.eigen import eig, eigh, eigvals, eigvalsh
from tensorgrad.ops.linalg.matmul import matmul
from tensorgrad.ops.linalg.matrix_chains import matrix_power, multi_dot
from tensorgrad.ops.linalg.norms import cond, matrix_norm, norm, vector_norm
from tensorgrad.ops.linalg.products import tensordot
from tensorgrad.ops.linalg.singular import svd, svdvals
from tensorgrad.ops.linalg.solve import inv, lstsq, pinv, solve, tensorinv, tensorsolve
from tensorgrad.ops.linalg.stacked import cross, diagonal, matrix_transpose, outer, trace, vecdot
from tensorgrad.ops.linalg.triangular import cholesky, qr
from tensorgrad.ops.nondifferentiable import matrix_rank

if TYPE_CHECKING:
    from tensorgrad.ops.scipy.matrices import expm, solve_triangular

__all__ = [
    "cholesky", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "expm", "inv", "lstsq",
    "matmul", "matrix_norm", "matrix_power", "matrix_rank", "matrix_transpose", "multi_dot", "norm", "outer",
    "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd", "svdvals", "tensordot", "tensorinv", "tensorsolve",
    "trace", "vecdot",
    "vector_norm",
]  # fmt: skip

_PRIVATE = {
    "cofactors": "Use the gradient of tg.linalg.det.",
    "divide_by_gaps": "Divide by a difference that is not 0.",
}


def __getattr__(name: str) -> Any:
    if name in ("expm", "solve_triangular"):
        from tensorgrad.ops.scipy import matrices

        return getattr(matrices, name)
    if name in _PRIVATE:
        raise AttributeError(
            f"tensorgrad.linalg.{name} was a helper of derivative rules and is private now. {_PRIVATE[name]}"
        )
    raise AttributeError(f"module 'tensorgrad.linalg' has no attribute {name!r}")
