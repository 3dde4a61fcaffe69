"""The table of derivatives: every operation beside its rules, a file per family."""

from typing import TYPE_CHECKING

from tensorgrad.ops.arithmetic import *
from tensorgrad.ops.axes import *
from tensorgrad.ops.broadcasting import *
from tensorgrad.ops.choosing import *
from tensorgrad.ops.diagonals import *
from tensorgrad.ops.einstein import *
from tensorgrad.ops.exponential import *
from tensorgrad.ops.extremes import *
from tensorgrad.ops.indexing import *
from tensorgrad.ops.insertion import *
from tensorgrad.ops.interpolation import *
from tensorgrad.ops.joining import *
from tensorgrad.ops.last_axes import *
from tensorgrad.ops.linear_algebra import *
from tensorgrad.ops.missing import *
from tensorgrad.ops.moments import *
from tensorgrad.ops.padding import *
from tensorgrad.ops.products import *
from tensorgrad.ops.quantiles import *
from tensorgrad.ops.queries import *
from tensorgrad.ops.reductions import *
from tensorgrad.ops.repeating import *
from tensorgrad.ops.rounding import *
from tensorgrad.ops.scans import *
from tensorgrad.ops.selection import *
from tensorgrad.ops.shapes import *
from tensorgrad.ops.sorting import *
from tensorgrad.ops.special import *
from tensorgrad.ops.splitting import *
from tensorgrad.ops.taking import *
from tensorgrad.ops.trigonometric import *
from tensorgrad.ops.windows import *

if not TYPE_CHECKING:  # mypy reads literal lists only, and without one takes every name imported above
    __all__ = [name for name, value in list(globals().items()) if callable(value) and not name.startswith("_")]
