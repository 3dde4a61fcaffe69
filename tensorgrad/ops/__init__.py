"""Operations and their derivative rules, one file per family."""

from typing import TYPE_CHECKING

from tensorgrad.ops.elementwise.arithmetic import *
from tensorgrad.ops.elementwise.complex_parts import *
from tensorgrad.ops.elementwise.exponential import *
from tensorgrad.ops.elementwise.interpolation import *
from tensorgrad.ops.elementwise.powers import *
from tensorgrad.ops.elementwise.rounding import *
from tensorgrad.ops.elementwise.spaces import *
from tensorgrad.ops.elementwise.special import *
from tensorgrad.ops.elementwise.trigonometric import *
from tensorgrad.ops.elementwise.where import *
from tensorgrad.ops.indexing.choosing import *
from tensorgrad.ops.indexing.diagonals import *
from tensorgrad.ops.indexing.insertion import *
from tensorgrad.ops.indexing.items import *
from tensorgrad.ops.indexing.sorting import *
from tensorgrad.ops.indexing.taking import *
from tensorgrad.ops.indexing.windows import *
from tensorgrad.ops.linalg.covariance import *
from tensorgrad.ops.linalg.einsum import *
from tensorgrad.ops.linalg.matmul import *
from tensorgrad.ops.linalg.polynomials import *
from tensorgrad.ops.linalg.products import *
from tensorgrad.ops.linalg.stacked import *
from tensorgrad.ops.linalg.traces import *
from tensorgrad.ops.nondifferentiable import *
from tensorgrad.ops.reductions.cumulative import *
from tensorgrad.ops.reductions.extremes import *
from tensorgrad.ops.reductions.moments import *
from tensorgrad.ops.reductions.nan import *
from tensorgrad.ops.reductions.quantiles import *
from tensorgrad.ops.reductions.softmax import *
from tensorgrad.ops.reductions.sums import *
from tensorgrad.ops.shape.applying import *
from tensorgrad.ops.shape.axes import *
from tensorgrad.ops.shape.broadcasting import *
from tensorgrad.ops.shape.joining import *
from tensorgrad.ops.shape.padding import *
from tensorgrad.ops.shape.repeating import *
from tensorgrad.ops.shape.reshaping import *
from tensorgrad.ops.shape.splitting import *
from tensorgrad.ops.ufunc_methods import *

if not TYPE_CHECKING:  # mypy reads literal lists only, and without one takes every name imported above
    __all__ = [name for name, value in list(globals().items()) if callable(value) and not name.startswith("_")]
