"""SciPy's functions beyond what the registry samples: names, edges of the domains, parameters without a derivative."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg

special = pytest.importorskip("scipy.special", reason="SciPy is not installed")


def slopes(function: Any, *values: Any) -> list[Any]:
    """Return the derivative with respect to each operand."""
    leaves = [tg.tensor(value, requires_grad=True) for value in values]
    return tg.gradient(function(*leaves).sum(), leaves)


def test_special_functions_have_scipys_names_and_answer_its_ufuncs() -> None:
    for name in tg.special.__all__:
        theirs = getattr(special, name)
        if isinstance(theirs, np.ufunc):
            orders = (1,) if name in ("jn", "jv", "yn", "yv", "iv", "ive", "kn", "kv", "kve") else ()
            values = [0.4, 0.3, 0.2][: theirs.nin - len(orders)]
            got = theirs(*orders, *map(tg.tensor, values))
            assert isinstance(got, tg.Tensor), name
            np.testing.assert_allclose(got.data, theirs(*orders, *values), rtol=1e-13)
            np.testing.assert_allclose(getattr(tg.special, name)(*orders, *values).data, got.data)


def test_special_functions_of_negative_arguments() -> None:
    x = np.array([-0.5, -1.3])
    third = np.diag(slopes(lambda t: tg.special.polygamma(1, t), x)[0])
    np.testing.assert_allclose(np.diag(third), special.polygamma(2, x))
    for name, order in (("jv", 3), ("iv", 2), ("ive", 2), ("ive", 3)):
        ours = getattr(tg.special, name)
        assert tg.gradcheck(lambda t, ours=ours, order=order: ours(order, t), x, order=2)


@pytest.mark.parametrize(
    ("function", "operands", "expected"),
    [
        ("xlogy", ([0.0, 0.0, 2.0], [0.0, 2.0, 0.5]), ([0, np.log(2), np.log(0.5)], [0, 0, 4])),
        ("xlog1py", ([0.0, 0.0, 2.0], [-1.0, 1.0, -0.5]), ([0, np.log(2), np.log(0.5)], [0, 0, 4])),
        ("kl_div", ([1.0, 2.0], [1.0, 4.0]), ([0, np.log(0.5)], [0, 0.5])),
    ],
)
def test_products_with_a_logarithm_are_finite_at_0(function: str, operands: Any, expected: Any) -> None:
    np.testing.assert_allclose(slopes(getattr(tg.special, function), *operands), expected, atol=1e-15)


def test_products_with_a_logarithm_have_no_second_derivative_at_their_singular_point() -> None:
    for function, singular in ((tg.special.xlogy, 0.0), (tg.special.xlog1py, -1.0)):
        x, y = tg.tensor(0.0, requires_grad=True), tg.tensor(singular, requires_grad=True)
        first = tg.gradient(function(x, y), (x, y), create_graph=True)
        assert all(np.isnan(tg.gradient(each, y, retain_graph=True)) for each in first)


def test_logsumexp_with_factors_is_scipys() -> None:
    a, b = np.array([[1e4, 2.0, -np.inf], [3.0, 1e4, 0.5]]), np.array([[0.0, 1.5, 2.0], [1.0, -2.0, 0.5]])
    value, sign = tg.special.logsumexp(a, axis=1, b=b, return_sign=True)
    expected, expected_sign = special.logsumexp(a, axis=1, b=b, return_sign=True)
    np.testing.assert_allclose(value.data, expected)
    np.testing.assert_array_equal(sign, expected_sign)
    assert np.isnan(tg.special.logsumexp(a, axis=1, b=b).data[1])
    value, sign = tg.special.logsumexp([0.0, 1.0], return_sign=True)
    np.testing.assert_allclose([value.data, sign], [np.logaddexp(0, 1), 1])


def test_logsumexp_gradients_where_a_factor_is_0_or_the_sum_negative() -> None:
    a, b = [1e4, 0.0, 1.0], [0.0, 1.0, 1.0]
    to_a, to_b = slopes(lambda a, b: tg.special.logsumexp(a, b=b), a, b)
    np.testing.assert_allclose(to_a, [0, 1 / (1 + np.e), np.e / (1 + np.e)])
    np.testing.assert_allclose(to_b[1:], np.exp(np.array([0.0, 1.0]) - np.logaddexp(0, 1)))
    (to_b,) = slopes(lambda b: tg.special.logsumexp([0.0, 0.0], b=b, return_sign=True)[0], [-2.0, 1.0])
    np.testing.assert_allclose(to_b, [-1.0, -1.0])


@pytest.mark.parametrize(
    ("parameter", "call"),
    [
        ("jv: the argument 'v' has no derivative rule, because .* no closed form", lambda p: special.jv(p, 1.0)),
        ("yn: the argument 'n'", lambda p: tg.special.yn(p, 1.0)),
        ("polygamma: the argument 'n'", lambda p: tg.special.polygamma(p, 1.0)),
        ("betainc: the argument 'a' .* no closed form", lambda p: special.betainc(p, 1.0, 0.5)),
        ("betainc: the argument 'b' .* closed form", lambda p: tg.jvp(lambda b: special.betainc(1, b, 0.5), [p], [1])),
        ("gammaincc: the argument 'a'", lambda p: special.gammaincc(p, 1.0)),
        ("ellipk has no derivative rule", lambda p: special.ellipk(p)),
    ],
)
def test_what_has_no_derivative_is_refused_by_name(parameter: str, call: Any) -> None:
    with pytest.raises(TypeError, match=f"^{parameter}"):
        call(tg.tensor(1.0, requires_grad=True))


def test_multigammaln_refuses_arguments_outside_its_domain() -> None:
    with pytest.raises(ValueError, match="multigammaln: expected a positive integer as d, got 0"):
        tg.special.multigammaln(2.0, 0)
    with pytest.raises(ValueError, match=r"multigammaln: expected a above \(d - 1\)/2 = 1.0"):
        tg.special.multigammaln([1.0, 2.0], 3)


def test_expm_gradient_is_accurate_for_any_size_of_the_upstream_gradient() -> None:
    a, upstream = np.array([[0.1, 2.0], [-0.3, 0.4]]), np.array([[1.0, -2.0], [0.5, 3.0]])
    for size in (1e-200, 1.0, 1e200):
        x = tg.tensor(a, requires_grad=True)
        (slope,) = tg.gradient(tg.linalg.expm(x), [x], grad_outputs=size * upstream)
        linalg = pytest.importorskip("scipy.linalg")
        np.testing.assert_allclose(slope / size, linalg.expm_frechet(a.T, upstream, compute_expm=False), rtol=1e-13)


def test_matrix_functions_refuse_wrong_arguments() -> None:
    triangle = np.array([[1.0, 2.0], [0.0, 3.0]])
    for message, call in {
        "expm: expected square matrices": lambda: tg.linalg.expm(np.ones((2, 3))),
        "solve_triangular: expected square matrices a": lambda: tg.linalg.solve_triangular(np.ones((2, 3)), np.ones(2)),
        "solve_triangular: expected trans 0 or 1": lambda: tg.linalg.solve_triangular(triangle, np.ones(2), 2),
        "solve_triangular: expected b with 2 rows": lambda: tg.linalg.solve_triangular(triangle, np.ones(3)),
        "solve_triangular: .*singular": lambda: tg.linalg.solve_triangular(np.zeros((2, 2)), np.ones(2)),
    }.items():
        with pytest.raises((ValueError, np.linalg.LinAlgError), match=f"^{message}"):
            call()


@pytest.mark.slow
def test_scipy_is_imported_on_first_use_and_missed_by_name() -> None:
    code = """
import sys
import tensorgrad as tg
assert "scipy" not in sys.modules
import scipy.special
print(scipy.special.gamma(tg.tensor(4.0)))
for name in [name for name in sys.modules if name.split(".")[0] in ("scipy", "tensorgrad")]:
    del sys.modules[name]
sys.modules["scipy"] = None
import tensorgrad as tg
print(float(tg.erf(0.5)))
for use in (lambda: tg.special, lambda: tg.stats, lambda: tg.linalg.expm, lambda: tg.minimize(tg.exp, 1.0)):
    try:
        use()
    except ImportError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["Tensor(6.)", "0.5204998778130465"]
    assert lines[2:] == ['tensorgrad.special needs SciPy: pip install "tensorgrad[scipy]"'] * 3 + [
        'tg.minimize needs SciPy: pip install "tensorgrad[scipy]"'
    ]
