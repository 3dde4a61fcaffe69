"""tensorgrad: automatic differentiation for NumPy arrays.

>>> import tensorgrad as tg
>>> x = tg.tensor(3.0, requires_grad=True)
>>> y = x * x + tg.sin(x)
>>> y.backward()
>>> float(x.grad)  # 2x + cos x
5.010007503399555
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from tensorgrad import domains, linalg, numpy_dispatch, ops, scopes
from tensorgrad._allocator import keep_freed_memory
from tensorgrad._hints import add_hints, function_hint
from tensorgrad.anomaly import detect_anomaly
from tensorgrad.gradcheck import GradcheckError, GradcheckWarning, gradcheck
from tensorgrad.modes import enable_grad, is_grad_enabled, no_grad
from tensorgrad.op import op
from tensorgrad.ops import *  # noqa: F403
from tensorgrad.ops.shape.joining import c_, r_
from tensorgrad.tensor import Tensor, tensor
from tensorgrad.transforms import checkpoint, grad, gradient, hessian, hvp, jacobian, jvp, value_and_grad, vjp

if TYPE_CHECKING:
    from tensorgrad import interop as interop
    from tensorgrad import special as special
    from tensorgrad import stats as stats
    from tensorgrad.interop import from_dlpack
    from tensorgrad.optimize import minimize
    from tensorgrad.viz.drawing import Drawing, draw
    from tensorgrad.viz.walkthrough import Walkthrough, walkthrough

__version__ = "0.2.0"

__all__ = [
    "Drawing",
    "GradcheckError",
    "GradcheckWarning",
    "Tensor",
    "Walkthrough",
    "c_",
    "checkpoint",
    "detect_anomaly",
    "domains",
    "draw",
    "enable_grad",
    "from_dlpack",
    "grad",
    "gradcheck",
    "gradient",
    "hessian",
    "hvp",
    "interop",
    "is_grad_enabled",
    "jacobian",
    "jvp",
    "linalg",
    "minimize",
    "no_grad",
    "op",
    "r_",
    "scopes",
    "special",
    "stats",
    "tensor",
    "value_and_grad",
    "vjp",
    "walkthrough",
]
if not TYPE_CHECKING:
    __all__ += ops.__all__

keep_freed_memory()
add_hints(Tensor, vars(ops)["__all__"])


def _declare_scipy_functions() -> None:
    """Declare the operations that SciPy's ufuncs call, if SciPy's functions have been imported."""
    if "scipy.special" in sys.modules:
        importlib.import_module("tensorgrad.special")


numpy_dispatch.later.append(_declare_scipy_functions)

_ON_FIRST_USE = {
    "Drawing": "viz", "Walkthrough": "viz", "draw": "viz", "walkthrough": "viz",
    "from_dlpack": "interop", "minimize": "optimize",
}  # fmt: skip
"""Functions and the modules that define them, imported on first use."""

_MODULES_ON_FIRST_USE = frozenset({"interop", "special", "stats"})

_PRIVATE = {
    "scatter": "Differentiate x[index], or assign to items: t[index] = values.",
    "with_item": "Assign: t[index] = value makes a new value of t.",
    "overlap_add": "Differentiate tg.sliding_window_view.",
}


def __getattr__(name: str) -> Any:
    """Import drawing functions, and the modules for SciPy, PyTorch and JAX, on first use.

    Raises:
        AttributeError: There is no such attribute. For a PyTorch name, the message names its counterpart.
        ImportError: The module needs a library that is not installed.
    """
    if name in _ON_FIRST_USE:
        return getattr(importlib.import_module(f"tensorgrad.{_ON_FIRST_USE[name]}"), name)
    if name in _MODULES_ON_FIRST_USE:
        return importlib.import_module(f"tensorgrad.{name}")
    if name in _PRIVATE:
        raise AttributeError(f"tensorgrad.{name} was a helper of derivative rules and is private now. {_PRIVATE[name]}")
    raise AttributeError(f"module 'tensorgrad' has no attribute {name!r}{function_hint(name)}")


def __dir__() -> list[str]:
    """Return the public names, including those loaded on first use."""
    return __all__
