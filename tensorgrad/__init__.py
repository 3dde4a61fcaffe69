"""tensorgrad: a NumPy array that remembers how it was made.

>>> import tensorgrad as tg
>>> x = tg.tensor(3.0, requires_grad=True)
>>> y = x * x + tg.sin(x)
>>> y.backward()
>>> float(x.grad)  # 2x + cos x
5.010007503399555
"""

from tensorgrad import ops
from tensorgrad.anomaly import detect_anomaly
from tensorgrad.modes import enable_grad, is_grad_enabled, no_grad
from tensorgrad.op import op
from tensorgrad.ops import *  # noqa: F403
from tensorgrad.tensor import Tensor, tensor
from tensorgrad.transforms import gradient

__all__ = ["Tensor", "detect_anomaly", "enable_grad", "gradient", "is_grad_enabled", "no_grad", "op", "tensor"]
__all__ += ops.__all__
