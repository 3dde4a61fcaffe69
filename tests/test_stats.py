"""Densities and distribution functions: SciPy's values, derivatives by differences, and values outside the support."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tests.ops import checks
from tests.ops.samples import Sample

scipy_stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")

DISTRIBUTIONS = tg.__getattr__("stats").__all__
FUNCTIONS = [
    f"{distribution}.{name}" for distribution in DISTRIBUTIONS for name in getattr(tg.stats, distribution).__all__
]

RNG = np.random.default_rng(5)
PROBABILITIES = RNG.dirichlet([1.0, 2.0, 3.0], size=2).T
COVARIANCE = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 1.5]])
LOC, SCALE = np.array([0.1, -0.2]), np.array([[1.5], [0.7], [1.1]])
ARGUMENTS: dict[str, list[dict[str, Any]]] = {
    "norm": [{"x": np.array([-1.0, 2.0]), "loc": LOC, "scale": SCALE}, {"x": np.array(0.4)}],
    "t": [{"x": np.array([-1.0, 2.0]), "df": 3.0, "loc": LOC, "scale": SCALE}, {"x": np.array([0.4]), "df": 1.5}],
    "chi2": [{"x": np.array([1.0, 2.5]), "df": 3.0, "loc": LOC, "scale": SCALE}, {"x": np.array([0.4]), "df": 1.5}],
    "gamma": [{"x": np.array([1.0, 2.5]), "a": 2.5, "loc": LOC, "scale": SCALE}, {"x": np.array([0.4]), "a": 0.7}],
    "beta": [
        {"x": np.array([0.3, 0.4]), "a": 2.5, "b": 1.5, "loc": LOC, "scale": SCALE},
        {"x": np.array([0.4]), "a": 0.7, "b": 3.0},
    ],
    "poisson": [{"k": np.array([0, 3]), "mu": np.array([[0.5], [4.0]])}, {"k": 2, "mu": np.array(1.5), "loc": 1}],
    "dirichlet": [{"x": PROBABILITIES, "alpha": np.array([0.5, 2.0, 3.5])}],
    "multivariate_normal": [
        {"x": RNG.normal(size=(4, 3)), "mean": np.array([0.1, 0.2, 0.3]), "cov": COVARIANCE},
        {"x": RNG.normal(size=3), "mean": np.array([0.1, 0.2, 0.3]), "cov": np.array([1.0, 2.0, 0.5])},
    ],
}
"""Arguments of each distribution; a parameter is an input of the sample where it has a derivative."""

CHECKS = [
    checks.first_gradient,
    checks.second_gradient,
    checks.single_precision,
    checks.linear_in_upstream,
    checks.forward_mode_is_the_adjoint,
    checks.leaves_its_arguments_alone,
]


def sample_of(name: str, arguments: dict[str, Any]) -> Sample:
    """Return a call whose inputs are the arguments that the function can be differentiated with respect to."""
    distribution, _, function = name.partition(".")
    operation = getattr(getattr(tg.stats, distribution), function).operation
    accepted = {key: arguments[key] for key in operation.signature.parameters if key in arguments}
    inputs = {key: np.asarray(value, float) for key, value in accepted.items() if key in operation.inputs}
    return Sample(operation, inputs, {key: value for key, value in accepted.items() if key not in inputs})


def samples_of(name: str) -> list[Sample]:
    return [sample_of(name, arguments) for arguments in ARGUMENTS[name.partition(".")[0]]]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_are_scipys(name: str) -> None:
    distribution, _, function = name.partition(".")
    for sample in samples_of(name):
        expected = getattr(getattr(scipy_stats, distribution), function)(**sample.inputs, **sample.options)
        for operands in (sample.arrays, sample.tracked()):
            got = sample.with_arrays(operands)()
            np.testing.assert_allclose(got.data, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if "dirichlet" not in name])
def test_derivatives_pass_the_checks_of_the_registry(name: str) -> None:
    for sample in samples_of(name):
        for check in CHECKS:
            check(sample)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["logpdf", "pdf"])
def test_dirichlet_derivatives_on_the_simplex(name: str) -> None:
    def density(logits: tg.Tensor, alpha: tg.Tensor) -> tg.Tensor:
        return getattr(tg.stats.dirichlet, name)(tg.softmax(logits, axis=0), alpha)

    assert tg.gradcheck(density, (RNG.normal(size=(3, 2)), np.array([0.5, 2.0, 3.5])), order=2)
    single = density(tg.tensor(np.zeros((3, 2), np.float32)), tg.tensor(np.ones(3, np.float32)))
    assert single.dtype == np.float32


OUTSIDE = {
    "gamma.logpdf": ({"x": [-1.0, 1.5], "a": 2.0}, 0),
    "gamma.cdf": ({"x": [-1.0, 1.5], "a": 2.0}, 0),
    "gamma.logcdf": ({"x": [-1.0, 1.5], "a": 2.0}, 0),
    "gamma.sf": ({"x": [-1.0, 1.5], "a": 2.0}, 0),
    "chi2.pdf": ({"x": [-1.0, 1.5], "df": 3.0}, 0),
    "beta.logpdf": ({"x": [-1.0, 0.5, 2.0], "a": 2.0, "b": 3.0}, 0),
    "beta.logcdf": ({"x": [-1.0, 0.5], "a": 2.0, "b": 3.0}, 0),
    "beta.sf": ({"x": [-1.0, 0.5], "a": 2.0, "b": 3.0}, 0),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_outside_the_support_values_are_scipys_and_the_gradient_is_0(name: str) -> None:
    arguments, position = OUTSIDE[name]
    distribution, _, function = name.partition(".")
    x = tg.tensor(arguments["x"], requires_grad=True)
    got = getattr(getattr(tg.stats, distribution), function)(**{**arguments, "x": x})
    np.testing.assert_allclose(got.data, getattr(getattr(scipy_stats, distribution), function)(**arguments))
    got.sum().backward()
    assert x.grad[position] == 0
    assert np.isfinite(x.grad).all()
    assert np.count_nonzero(x.grad) == 1


def test_density_at_the_edge_of_the_support_is_finite() -> None:
    x = tg.tensor([0.0], requires_grad=True)
    density = tg.stats.gamma.logpdf(x, a=1.0)  # the exponential distribution
    density.sum().backward()
    np.testing.assert_allclose((density.data, x.grad), ([0.0], [-1.0]))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("logpmf", [-np.inf, -np.inf, -1.0]), ("pmf", [0.0, 0.0, np.exp(-1)]), ("cdf", [0.0, np.exp(-1), np.exp(-1)]),
        ("logcdf", [-np.inf, -1.0, -1.0]), ("sf", [1.0, 1 - np.exp(-1), 1 - np.exp(-1)]),
    ],
)  # fmt: skip
def test_poisson_of_negative_and_fractional_counts(function: str, expected: list[float]) -> None:
    mu = tg.tensor(1.0, requires_grad=True)
    got = getattr(tg.stats.poisson, function)([-1.0, 0.5, 0.0], mu)
    np.testing.assert_allclose(got.data, expected, rtol=1e-12)
    got[0].backward()
    assert mu.grad == 0


def test_multivariate_normal_of_one_dimension_is_the_normal_distribution() -> None:
    x = np.array([0.5, -1.0])
    expected = scipy_stats.norm.logpdf(x, scale=np.sqrt(2.0))
    for cov in (2.0, [2.0], [[2.0]]):
        np.testing.assert_allclose(tg.stats.multivariate_normal.logpdf(x, None, cov).data, expected)
    assert tg.stats.multivariate_normal.logpdf(np.float32(0.5)).dtype == np.float32
    np.testing.assert_allclose(
        tg.stats.multivariate_normal.entropy(np.zeros(3), 2.0).data,
        scipy_stats.multivariate_normal.entropy(np.zeros(3), 2.0),
    )


def test_multivariate_normal_of_a_singular_covariance() -> None:
    factor, z = RNG.normal(size=(4, 2)), RNG.normal(size=(5, 2))
    points = np.concatenate([z @ factor.T, RNG.normal(size=(1, 4))])  # the last one is outside the support
    for name in ("logpdf", "pdf"):
        got = getattr(tg.stats.multivariate_normal, name)(points, None, factor @ factor.T, allow_singular=True)
        expected = getattr(scipy_stats.multivariate_normal, name)(points, None, factor @ factor.T, allow_singular=True)
        np.testing.assert_allclose(got.data, expected, rtol=1e-9)
    assert got.data[-1] == 0.0

    # log p(A z) = -½ |z|² - ½ log det AᵀA + const for the covariance matrix A Aᵀ
    a, x = tg.tensor(factor, requires_grad=True), tg.tensor(points, requires_grad=True)
    tg.stats.multivariate_normal.logpdf(z @ a.T, None, a @ a.T, allow_singular=True).sum().backward()
    np.testing.assert_allclose(a.grad, -len(z) * factor @ np.linalg.inv(factor.T @ factor), rtol=1e-8)
    tg.stats.multivariate_normal.logpdf(x, None, factor @ factor.T, allow_singular=True).sum().backward()
    np.testing.assert_allclose(x.grad[:-1], -points[:-1] @ np.linalg.pinv(factor @ factor.T), rtol=1e-8)
    assert not x.grad[-1].any()
    regular = [
        tg.stats.multivariate_normal.logpdf(points, None, np.diag([1.0, 2.0, 3.0, 4.0]), allow_singular=a)
        for a in (False, True)
    ]
    np.testing.assert_array_equal(*[r.data for r in regular])


def test_parameters_without_a_derivative_are_refused() -> None:
    parameter = tg.tensor(2.0, requires_grad=True)
    calls = {
        "gammainc: the argument 'a'": lambda: tg.stats.gamma.cdf(1.0, parameter),
        "betainc: the argument 'b'": lambda: tg.stats.beta.cdf(0.5, 1.0, parameter),
        "stdtr: the argument 'df'": lambda: tg.stats.t.cdf(0.5, parameter),
        "poisson: expected counts k": lambda: tg.stats.poisson.logpmf(parameter, 1.0),
    }
    for message, call in calls.items():
        with pytest.raises(TypeError, match=message):
            call()


WRONG = {
    r"expected alpha of shape \(k,\)": lambda: tg.stats.dirichlet.logpdf([0.5, 0.5], [1.0, 2.0, 3.0]),
    "expected positive concentrations": lambda: tg.stats.dirichlet.logpdf([0.5, 0.5], [1.0, -2.0]),
    "that sum to 1": lambda: tg.stats.dirichlet.logpdf([0.5, 0.6], [1.0, 2.0]),
    r"expected vectors x of shape \(\.\.\., 2\)": lambda: tg.stats.multivariate_normal.logpdf([1.0] * 3, cov=np.eye(2)),
    "expected a square covariance matrix": lambda: tg.stats.multivariate_normal.logpdf([1.0], cov=np.ones((2, 3))),
    "expected a positive semidefinite covariance matrix, got the eigenvalue -2": lambda: (
        tg.stats.multivariate_normal.logpdf([1.0, 2.0], cov=[1.0, -2.0], allow_singular=True)
    ),
    "not positive definite": lambda: tg.stats.multivariate_normal.logpdf([1.0, 2.0], cov=np.ones((2, 2))),
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_arguments_are_explained(message: str) -> None:
    with pytest.raises((ValueError, np.linalg.LinAlgError), match=message):
        WRONG[message]()


def test_functions_have_scipys_parameters() -> None:
    for name in FUNCTIONS:
        distribution, _, function = name.partition(".")
        ours = list(inspect.signature(getattr(getattr(tg.stats, distribution), function)).parameters)
        theirs = getattr(scipy_stats, distribution)
        if hasattr(theirs, "shapes"):
            shapes = [shape.strip() for shape in (theirs.shapes or "").split(",") if shape]
            assert ours[1:] == [*shapes, "loc", *([] if distribution == "poisson" else ["scale"])]
