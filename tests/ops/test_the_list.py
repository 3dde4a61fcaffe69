"""Every NumPy function that the table promises is there, as `tg.f` and `np.f(tensor)` and method, keywords and all."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import numpy_dispatch
from tests.ops.samples import BUILT_IN

LIST = {
    "elementwise": """
        abs absolute add angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh around cbrt ceil clip conj
        conjugate copysign cos cosh deg2rad degrees divide divmod exp exp2 expm1 fabs fix float_power floor
        floor_divide fmax fmin fmod frexp geomspace heaviside hypot i0 imag ldexp linspace log log10 log1p log2
        logaddexp logaddexp2 logspace maximum minimum mod modf multiply nan_to_num negative nextafter positive power
        rad2deg radians real real_if_close reciprocal remainder rint round sign sin sinc sinh spacing sqrt square
        subtract tan tanh true_divide trunc unwrap where""",
    "elementwise, in the array API standard": "acos acosh asin asinh atan atan2 atanh pow",
    "reductions and scans": """
        all amax amin any argmax argmin argsort average corrcoef count_nonzero cov cumprod cumsum diff gradient max
        mean median min nancumprod nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanprod nanquantile nanstd
        nansum nanvar nonzero percentile prod ptp quantile std sum trace trapezoid var""",
    "shape and order": """
        append apply_along_axis apply_over_axes array_split atleast_1d atleast_2d atleast_3d block broadcast_arrays
        broadcast_to choose column_stack compress concat concatenate convolve copy correlate delete diag diagflat
        diagonal dsplit dstack ediff1d expand_dims extract flip fliplr flipud hsplit hstack insert interp
        lib.stride_tricks.sliding_window_view matrix_transpose meshgrid moveaxis pad partition permute_dims piecewise
        put_along_axis ravel repeat reshape resize roll rollaxis rot90 select sort split squeeze stack swapaxes take
        take_along_axis tile transpose tril trim_zeros triu vsplit vstack""",
    "products and linear algebra": """
        cross dot einsum inner kron matmul outer tensordot vdot vecdot linalg.cholesky linalg.cond linalg.cross
        linalg.det linalg.diagonal linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh linalg.inv linalg.lstsq
        linalg.matmul linalg.matrix_norm linalg.matrix_power linalg.matrix_rank linalg.matrix_transpose
        linalg.multi_dot linalg.norm linalg.outer linalg.pinv linalg.qr linalg.slogdet linalg.solve linalg.svd
        linalg.svdvals linalg.tensordot linalg.tensorinv linalg.tensorsolve linalg.trace linalg.vecdot
        linalg.vector_norm""",
    "polynomials": """
        poly polyadd polyder polydiv polyfit polyint polymul polysub polyval roots vander""",
    "questions": """
        allclose argpartition argwhere array_equal array_equiv can_cast common_type einsum_path ix_ may_share_memory
        min_scalar_type shares_memory bincount bitwise_and bitwise_count bitwise_invert
        bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor diag_indices_from digitize empty_like
        equal flatnonzero full_like gcd greater greater_equal histogram histogram2d histogram_bin_edges histogramdd
        intersect1d invert isclose iscomplex iscomplexobj isfinite isin isinf isnan isneginf isposinf isreal isrealobj
        lcm left_shift less less_equal lexsort logical_and logical_not logical_or logical_xor nanargmax nanargmin
        not_equal ones_like ravel_multi_index result_type right_shift searchsorted setdiff1d setxor1d signbit
        tril_indices_from triu_indices_from union1d unique unique_all unique_counts unique_inverse unique_values
        unravel_index zeros_like""",
}
NEW = "astype cumulative_prod cumulative_sum matvec unstack vecmat"
"""Functions that NumPy has since 2.1 or 2.2."""
NAMES = [name for names in LIST.values() for name in names.split()] + [n for n in NEW.split() if hasattr(np, n)]
OWN_NAMES = sorted(
    operation.name
    for operation in BUILT_IN.values()
    if not operation.numpy
    and not hasattr(np, operation.name)
    and operation.name in tg.ops.__all__
    and operation.name not in NEW.split()
)
"""Public operations that NumPy has not."""

WITHOUT_A_RULE = """
    busday_count busday_offset copyto datetime_as_string fill_diagonal is_busday isnat place put putmask
    sort_complex"""
"""NumPy's functions that a tensor may refuse: with an error, not with an array that has lost the gradient."""

NOWHERE = {
    "out": "a tensor is a value: nothing is written into it",
    "overwrite_input": "nothing is written into a tensor",
    "subok": "tensors have no subclasses",
}
"""Keywords that no operation takes."""

NOT_HERE = {
    ("astype", "order"): "the memory layout of a tensor is not defined",
    ("argsort", "order"): "names the fields of records, which tensors cannot hold",
    ("sort", "order"): "as for argsort",
    ("partition", "order"): "as for argsort",
    ("quantile", "interpolation"): "the old name of `method`, which NumPy 2.4 dropped",
    ("percentile", "interpolation"): "as for quantile",
    ("nanquantile", "interpolation"): "as for quantile",
    ("nanpercentile", "interpolation"): "as for quantile",
    ("corrcoef", "bias"): "has no effect, and NumPy dropped it",
    ("corrcoef", "ddof"): "as for `bias`",
    ("reshape", "newshape"): "the old name of `shape`, which NumPy dropped",
    ("lib.stride_tricks.sliding_window_view", "writeable"): "tensors do not alias",
}
"""Keywords that one operation does not take."""

NEEDED = {("reshape", "shape"): "from NumPy 2.1 to 2.3 its old name could be given instead"}
"""Keywords with a default in some NumPy and none here."""

ANOTHER_ANSWERS = {
    "gradient": "`tg.gradient` is the derivative of tensors by tensors; NumPy's is a difference of neighbours",
    "put_along_axis": "NumPy's writes in place and gives None, like `t[i] = v`; ours gives the new tensor",
}
"""Functions whose name means something else in `tg` than in NumPy."""

OTHER_METHODS = {
    "partition": "works in place",
    "ptp": "NumPy 2 dropped it, and 2.0 still has its name, to say so",
    "resize": "works in place",
    "sort": "works in place",
}
"""Methods of arrays that tensors do not have, although the function is there."""


NEWEST = (2, 5)
"""The NumPy whose functions and keywords are all decided here: taken, or left out for a reason above."""


def missing(what: str) -> None:
    """Fail, or skip with the reason if NumPy is newer than `NEWEST`: its releases must not break our users' tests."""
    version = tuple(map(int, np.__version__.split(".")[:2]))
    if version > NEWEST:
        pytest.skip(f"new in NumPy {np.__version__}: {what}")
    pytest.fail(what)


def numpys(name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = attrgetter(name)(np)
    return function


def ours(name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = attrgetter(name.removeprefix("lib.stride_tricks."))(tg)
    return function


def keywords(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the parameters that can be given by name; none if the function is written in C and does not say."""
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:
        return {}
    return {name: p for name, p in parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


@pytest.mark.parametrize("name", NAMES)
def test_numpy_functions_are_answered_by_operations(name: str) -> None:
    function = numpys(name)
    if function in numpy_dispatch.not_differentiable:
        assert callable(ours(name))
    elif name in ANOTHER_ANSWERS:
        assert numpy_dispatch.answers[function] is not ours(name)
    else:
        assert numpy_dispatch.answers[function] is ours(name)


@pytest.mark.parametrize("name", OWN_NAMES)
def test_functions_that_numpy_lacks_exist_under_their_usual_name(name: str) -> None:
    assert callable(ours(name))
    if hasattr(np, name):
        missing(f"np.{name} is there, and tensorgrad's {name} does not answer for it")


def test_numpy_functions_are_all_listed() -> None:
    asked = [f"{prefix}{name}" for prefix, module in (("", np), ("linalg.", np.linalg)) for name in dir(module)]
    dispatched = [n for n in asked if isinstance(numpys(n), np.ufunc) or hasattr(numpys(n), "_implementation")]
    answered = numpy_dispatch.answers.keys() | numpy_dispatch.not_differentiable
    unknown = [name for name in dispatched if numpys(name) not in answered and name not in WITHOUT_A_RULE.split()]
    if unknown:
        missing(f"nothing says what np.{', np.'.join(unknown)} gives for a tensor")


def test_functions_of_networks_exist() -> None:
    usual = {"erf", "erfc", "log_softmax", "logit", "logsumexp", "sigmoid", "softmax", "softplus"}
    assert usual <= set(OWN_NAMES)


@pytest.mark.parametrize(
    "name", [n for n in NAMES if not isinstance(numpys(n), np.ufunc) and n not in LIST["questions"].split()]
)
def test_operations_accept_the_keywords_of_numpy(name: str) -> None:
    taken = inspect.signature(numpy_dispatch.answers.get(numpys(name), ours(name))).parameters
    for keyword, parameter in keywords(numpys(name)).items():
        if keyword in NOWHERE or (name, keyword) in NOT_HERE:
            assert keyword not in taken
            continue
        if keyword not in taken:
            missing(f"np.{name} takes {keyword}, tensorgrad's {name} does not")
        default = taken[keyword].default
        if default is inspect.Parameter.empty and parameter.default is not default and (name, keyword) not in NEEDED:
            missing(f"np.{name} may be called without {keyword}, tensorgrad's {name} may not")
        if isinstance(parameter.default, (bool, int, float, str)) and default != parameter.default:
            missing(f"np.{name} has {keyword}={parameter.default} by default, tensorgrad's {name} has {default}")


@pytest.mark.parametrize("name", [n for n in NAMES if callable(getattr(np.ndarray, n, None))])
def test_tensor_methods_include_those_of_arrays(name: str) -> None:
    if name in OTHER_METHODS:
        assert not hasattr(tg.Tensor, name)
        return
    taken = inspect.signature(getattr(tg.Tensor, name)).parameters
    for keyword in keywords(getattr(np.ndarray, name)):
        if not (keyword in taken or keyword in NOWHERE or (name, keyword) in NOT_HERE or keyword == "self"):
            missing(f"ndarray.{name} takes {keyword}, Tensor.{name} does not")


QUERIES: dict[str, dict[str, Any]] = {
    "all": {"axis": 0},
    "any": {"axis": (0, 1), "keepdims": True},
    "argmax": {"axis": 1, "keepdims": True},
    "argmin": {"axis": -1},
    "argsort": {"axis": 0, "stable": True},
    "count_nonzero": {"axis": 1},
    "nonzero": {},
}


@pytest.mark.parametrize("name", QUERIES)
def test_functions_without_a_derivative_return_arrays(name: str) -> None:
    values = np.array([[0.0, 3.0, 1.0], [2.0, 0.0, 2.0]])
    t = tg.tensor(values, requires_grad=True)
    for options in ({}, QUERIES[name]):
        expected = numpys(name)(values, **options)
        answers = [ours(name)(t, **options), ours(name)(values.tolist(), **options), numpys(name)(t, **options)]
        if hasattr(np.ndarray, name):
            answers.append(getattr(t, name)(**options))
        for answer in answers:
            assert type(answer) is type(expected)
            np.testing.assert_array_equal(answer, expected)
    assert t.tolist() == values.tolist()


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "fft2", "fftn", "fftshift"])
def test_fourier_transforms_are_refused_with_the_remedy(name: str) -> None:
    with pytest.raises(TypeError, match=rf"^np\.fft\.{name} has no derivative rule.*detach\(\).*@tg\.op"):
        getattr(np.fft, name)(tg.tensor([[1.0, 2.0]], requires_grad=True))


def test_complex_numbers_are_refused_wherever_they_come_in() -> None:
    t = tg.tensor([1.0, 2.0], requires_grad=True)
    for bring_in in (
        lambda: tg.tensor([1j]),
        lambda: tg.tensor([1.0], dtype=complex),
        lambda: tg.exp(np.array([1j])),
        lambda: t * 1j,
        lambda: np.array([1j, 2.0]) + t,
        lambda: np.power(t, 1j),
        lambda: tg.concatenate([t, [1j]]),
        lambda: tg.astype(t, complex),
        lambda: tg.sum(t, dtype=complex),
        lambda: t.sum().backward(1j),
    ):
        with pytest.raises(TypeError, match="complex"):
            bring_in()
