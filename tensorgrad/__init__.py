"""tensorgrad: automatic differentiation for NumPy arrays.

>>> import tensorgrad as tg
>>> x = tg.tensor(3.0, requires_grad=True)
>>> y = x * x + tg.sin(x)
>>> y.backward()
>>> float(x.grad)  # 2x + cos x
5.010007503399555
"""

from typing import TYPE_CHECKING, Any

from tensorgrad import domains, linalg, ops, randomness, scopes
from tensorgrad._allocator import keep_freed_memory
from tensorgrad._compile import compile
from tensorgrad._hints import add_hints, function_hint
from tensorgrad.anomaly import detect_anomaly
from tensorgrad.gradcheck import GradcheckError, GradcheckWarning, gradcheck
from tensorgrad.modes import enable_grad, is_grad_enabled, no_grad
from tensorgrad.op import op
from tensorgrad.ops import *  # noqa: F403
from tensorgrad.tensor import Tensor, tensor
from tensorgrad.transforms import checkpoint, grad, gradient, hessian, hvp, jacobian, jvp, value_and_grad, vjp

if TYPE_CHECKING:
    from tensorgrad.viz import Drawing, Walkthrough, draw, walkthrough

__version__ = "0.2.0"

__all__ = [
    "Drawing",
    "GradcheckError",
    "GradcheckWarning",
    "Tensor",
    "Walkthrough",
    "checkpoint",
    "compile",
    "detect_anomaly",
    "domains",
    "draw",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradient",
    "hessian",
    "hvp",
    "is_grad_enabled",
    "jacobian",
    "jvp",
    "linalg",
    "no_grad",
    "op",
    "randomness",
    "scopes",
    "tensor",
    "value_and_grad",
    "vjp",
    "walkthrough",
]
if not TYPE_CHECKING:
    __all__ += ops.__all__

keep_freed_memory()
add_hints(Tensor, vars(ops)["__all__"])

_PRIVATE = {
    "scatter": "Differentiate x[index], or assign to items: t[index] = values.",
    "with_item": "Assign: t[index] = value makes a new value of t.",
    "overlap_add": "Differentiate tg.sliding_window_view.",
}


def __getattr__(name: str) -> Any:
    """Load the drawing functions on first use.

    Raises:
        AttributeError: There is no such attribute. For a PyTorch name, the message names its counterpart.
    """
    if name in ("Drawing", "Walkthrough", "draw", "walkthrough"):
        from tensorgrad import viz

        return getattr(viz, name)
    if name in _PRIVATE:
        raise AttributeError(f"tensorgrad.{name} was a helper of derivative rules and is private now. {_PRIVATE[name]}")
    raise AttributeError(f"module 'tensorgrad' has no attribute {name!r}{function_hint(name)}")


def __dir__() -> list[str]:
    """Return the public names, including those loaded on first use."""
    return __all__
