"""Special functions: the error function, Bessel functions, and sinc.

Where no closed form exists the values are SciPy's, if it is installed. Otherwise they come from Chebyshev series,
fitted to 40-digit values so that the error is below the last digit of float64; `np.polynomial` evaluates them.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from tensorgrad._arrays import as_array, is_foreign
from tensorgrad._typing import ArrayLike
from tensorgrad.op import op

__all__ = ["erf", "erfc", "i0", "i1", "sinc"]

# erf(x)/x in 2x² - 1 for |x| ≤ 1, and ½(4 + z)·exp(z²/2)·erfc(z/√2) in (z - 4)/(z + 4) for z ≥ 0 (the form is that of
# Shepherd and Laframboise, Mathematics of Computation 36, 1981)
_ERF = (
    0.9754769393826541, -0.14226120510371365, 0.010035582187599796, -0.0005768764699767485, 2.741993125219606e-05,
    -1.1043175507344507e-06, 3.8488755420345036e-08, -1.1808582533875466e-09, 3.2334215826050907e-11,
    -7.991015947004549e-13, 1.7990725113961456e-14, -3.718635487818693e-16,
)  # fmt: skip
_ERFC = (
    0.9704512045660766, -0.7517088168395706, 0.22219355567525104, -0.048517753260446085, 0.006925920496242481,
    -0.00032059847439814995, -0.00010054739163210679, 1.8903369019706965e-05, 1.010356885474631e-06,
    -6.145334749397824e-07, -3.3810201200691756e-09, 2.0686508061742833e-08, -1.1282603632469507e-10,
    -7.774015228388695e-10, -9.941424191404708e-12, 3.174482949858303e-11, 1.842480684470494e-12,
    -1.3128616466710965e-12, -1.7415362652654813e-13, 4.9072740317044244e-14, 1.2931384326165576e-14,
    -1.2180663521726341e-15, -8.052147372620933e-16,
)  # fmt: skip

# I₁(x)·exp(-x)/x over x/4 - 1 for x ≤ 8, and I₁(x)·exp(-x)·√x over 16/x - 1 for x ≥ 8
_I1_SMALL = (
    0.12629359322181682, -0.17641651835783406, 0.1026436586898471, -0.05294598120809499, 0.024726449030626516,
    -0.010564084894626197, 0.004156422944312888, -0.0015135724506312532, 0.0005122859561685758,
    -0.00016176081582589674, 4.781565107550054e-05, -1.3273163656039436e-05, 3.4702513081376785e-06,
    -8.568720264695455e-07, 2.0032947535521353e-07, -4.445059128796328e-08, 9.381537386495773e-09,
    -1.8872497517228294e-09, 3.625590281552117e-10, -6.663489723502027e-11, 1.1736186298890901e-11,
    -1.9839743977649436e-12, 3.223793365945575e-13, -5.042185504727912e-14, 7.600684294735408e-15,
    -1.1055969477353862e-15, 1.5536319577362005e-16,
)  # fmt: skip
_I1_LARGE = (
    0.38928811750914005, -0.009761097491361469, -0.00011058893876262371, -3.882564808877691e-06,
    -2.512236237870209e-07, -2.6314688468895196e-08, -3.835380385964237e-09, -5.589743462196584e-10,
    -1.8974958123505413e-11, 3.2526035830154884e-11, 1.4125807436613782e-11, 2.0356285441470896e-12,
    -7.198551776245908e-13, -4.0835511110921974e-13, -2.1015418427726643e-14, 4.272440016711951e-14,
    1.0420276984128802e-14, -3.8144030724370075e-15, -1.8803547755107825e-15, 3.3082023109209285e-16,
    2.96262899764595e-16, -3.209525921993424e-17, -4.6503053684893586e-17,
)  # fmt: skip


def _floating(x: Any) -> Any:
    """`x` as an array of floating-point numbers."""
    array = as_array(x)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


@functools.cache
def scipy_special() -> Any:
    """Return `scipy.special`, imported on the first call, or None if SciPy is not installed."""
    try:
        from scipy import special
    except ImportError:
        return None
    return special


def _of_scipy(name: str, at: Any) -> Any:
    """Return the value of SciPy's function of this name; None without SciPy, and for arrays of other libraries."""
    if is_foreign(at) or (scipy := scipy_special()) is None:
        return None
    return getattr(scipy, name)(at).astype(at.dtype)


@functools.cache
def _polynomial(series: tuple[float, ...]) -> list[float]:
    """A Chebyshev series as the coefficients of a polynomial, highest power first."""
    return [float(c) for c in np.polynomial.chebyshev.cheb2poly(series)[::-1]]


def _sum_of_series(series: tuple[float, ...], t: Any) -> Any:
    """A Chebyshev series at `t`, by Horner's rule in the precision of `t`; ten terms fill float32."""
    first, *others = _polynomial(series if t.dtype.itemsize > 4 else series[:10])
    total = np.full_like(t, first)
    for coefficient in others:
        total *= t
        total += coefficient
    return total


def _erfc_of_size(size: Any) -> Any:
    """erfc for x ≥ 0."""
    size = np.minimum(size, 28.0)  # where erfc is 0 in float64, while size² is still finite
    z = math.sqrt(2) * size
    return 2 * np.exp(-size * size) * _sum_of_series(_ERFC, (z - 4) / (z + 4)) / (z + 4)


def _gaussian(x: Any) -> Any:
    """Return the slope of erf, 2/√π·exp(-x²)."""
    return 2 / math.sqrt(math.pi) * np.exp(-np.square(x))


@op(x=lambda g, x: g * _gaussian(x), reference=lambda x: np.vectorize(math.erf, otypes=[float])(x))
def erf(x: ArrayLike) -> Any:
    """Error function 2/√π ∫₀ˣ exp(-t²) dt, elementwise: the derivative is 2/√π·exp(-x²).

    >>> erf([0.0, 1.0])
    Tensor([0.        , 0.84270079])
    """
    at = _floating(x)
    if at.dtype.itemsize > 4 and (value := _of_scipy("erf", at)) is not None:  # in float32, the series is as fast
        return value
    inside = np.clip(at, -1.0, 1.0)
    near = inside * _sum_of_series(_ERF, 2 * inside * inside - 1)
    far = np.copysign(1 - _erfc_of_size(np.absolute(at)), at)
    return np.where(inside == at, near, far)


@op(x=lambda g, x: -g * _gaussian(x), reference=lambda x: np.vectorize(math.erfc, otypes=[float])(x))
def erfc(x: ArrayLike) -> Any:
    """1 - erf(x), elementwise, accurate where erf is nearly 1: the derivative is -2/√π·exp(-x²).

    >>> erfc([0.0, 5.0])
    Tensor([1.00000000e+00, 1.53745979e-12])
    """
    at = _floating(x)
    if at.dtype.itemsize > 4 and (value := _of_scipy("erfc", at)) is not None:  # in float32, the series is faster
        return value
    tail = _erfc_of_size(np.absolute(at))
    below = np.less(at, 0).astype(at.dtype)
    return 2 * below + tail * (1 - 2 * below)


def _i1_slope(x: Any, out: Any) -> Any:
    """`np.i0(x) - out / x`, which is 1/2 at 0."""
    at_zero = x == 0
    return np.i0(x) - np.where(at_zero, 0.5, out / np.where(at_zero, 1.0, x))


def _i1_integral(x: Any) -> Any:
    """(1/2π) ∫ exp(x cos θ) cos θ dθ over the circle; the mean over equidistant angles converges exponentially."""
    cosines = np.cos(np.linspace(0, 2 * math.pi, 64, endpoint=False))
    return np.mean(np.exp(np.multiply.outer(x, cosines)) * cosines, axis=-1)


@op(x=lambda g, x, out: g * _i1_slope(x, out), reference=_i1_integral)
def i1(x: ArrayLike) -> Any:
    """Modified Bessel function of the first kind, order 1, elementwise: the derivative is I₀(x) - I₁(x)/x.

    >>> i1(np.array([0.0, 1.0]))
    Tensor([0.        , 0.5651591])
    """
    at = _floating(x)
    if (value := _of_scipy("i1", at)) is not None:
        return value
    size = np.absolute(at)
    near, far = np.minimum(size, 8.0), np.maximum(size, 8.0)
    chebval = np.polynomial.chebyshev.chebval
    scaled = np.where(
        size <= 8, near * chebval(near / 4 - 1, _I1_SMALL), chebval(16 / far - 1, _I1_LARGE) / np.sqrt(far)
    )
    return np.copysign(scaled * np.exp(size), at).astype(at.dtype)


@op(x=lambda g, x: g * i1.apply(x), numpy=np.i0)
def i0(x: ArrayLike) -> Any:
    """Modified Bessel function of the first kind, order 0, elementwise: the derivative is I₁(x).

    >>> i0([0.0, 1.0])
    Tensor([1.        , 1.26606588])
    """
    at = _floating(x)
    return np.i0(at).astype(at.dtype)


_TERMS = range(1, 10)


def _sinc_slope(x: Any) -> Any:
    """`(np.cos(math.pi * x) - np.sinc(x)) / x`; near 0, where that cancels, its Taylor series."""
    near = np.absolute(x) < 0.2
    small, large = np.where(near, x, 0.0), np.where(near, 1.0, x)
    squared = np.square(math.pi * small)
    series = 0.0
    for k in reversed(_TERMS):
        series = series * squared + (-1) ** k * 2 * k / math.factorial(2 * k + 1)
    return np.where(near, math.pi**2 * small * series, (np.cos(math.pi * large) - np.sinc(large)) / large)


@op(x=lambda g, x: g * _sinc_slope(x), numpy=np.sinc)
def sinc(x: ArrayLike) -> Any:
    """sin(πx)/(πx), and 1 at 0, elementwise: the derivative is (cos πx - sinc x)/x, and 0 at 0.

    >>> sinc([0.0, 0.5])
    Tensor([1.        , 0.63661977])
    """
    return np.sinc(x)  # type: ignore[arg-type]
