"""`tg.minimize`: minima of functions of containers by every method, with bounds and constraints."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg

optimize = pytest.importorskip("scipy.optimize", reason="SciPy is not installed")

METHODS = [
    None, "BFGS", "CG", "L-BFGS-B", "TNC", "SLSQP", "Newton-CG", "trust-ncg", "trust-krylov", "trust-exact", "dogleg",
    "Nelder-Mead", "Powell",
]  # fmt: skip

START = {"x": np.float32(-0.5), "rest": (np.array([[0.5, 0.8]]), [tg.tensor(2, requires_grad=False)])}


def bowl(p: dict[str, Any]) -> tg.Tensor:
    """Return a strictly convex function whose minimum is 0 at x = 1, y = [[2, 3]] and z = -1."""
    y, (z,) = p["rest"]
    apart = (p["x"] - 1) ** 2 + tg.sum((y - np.array([2.0, 3.0])) ** 2 * np.array([1.0, 4.0])) + (z + 1) ** 2
    return apart + tg.log(1 + (p["x"] + z) ** 2)


@pytest.mark.parametrize("method", METHODS)
def test_minimize_finds_the_minimum_by_each_method(method: str | None) -> None:
    tolerance = {"Nelder-Mead": 1e-8, "Powell": 1e-8}.get(method or "")
    found = tg.minimize(bowl, START, method=method, tol=tolerance)
    assert found.success
    y, (z,) = found.x["rest"]
    assert (found.x["x"].dtype, y.dtype, z.dtype, y.shape) == (np.float32, np.float64, np.float64, (1, 2))
    np.testing.assert_allclose([found.x["x"], *y[0], z], [1, 2, 3, -1], atol=2e-3)
    if method not in ("Nelder-Mead", "Powell"):
        assert found.jac["rest"][0].shape == (1, 2)
    assert START["x"] == np.float32(-0.5)


def test_minimize_passes_exact_derivatives(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: dict[str, Any] = {}

    def recorded(function: Any, x0: Any, **options: Any) -> Any:
        calls.update(options, value_and_slope=function(x0), product=options["hessp"](x0, np.array([1.0, 2.0])))
        return optimize.OptimizeResult(x=x0)

    monkeypatch.setattr(optimize, "minimize", recorded)
    tg.minimize(lambda x, c: c * x[0] ** 3 * x[1], [2.0, 5.0], args=(10.0,), method="trust-ncg")
    value, slope = calls["value_and_slope"]
    assert value == 400.0
    np.testing.assert_allclose(slope, [600.0, 80.0])
    np.testing.assert_allclose(calls["product"], [600 + 2 * 120, 120.0])


def test_minimize_rosenbrock_agrees_with_scipys_own_derivatives() -> None:
    def rosenbrock(x: Any) -> Any:
        return tg.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    start = np.array([1.3, 0.7, 0.8, 1.9, 1.2])
    ours = tg.minimize(rosenbrock, start, method="Newton-CG", tol=1e-10)
    theirs = optimize.minimize(
        optimize.rosen, start, method="Newton-CG", jac=optimize.rosen_der, hessp=optimize.rosen_hess_prod, tol=1e-10
    )
    assert (ours.nit, ours.nhev) == (theirs.nit, theirs.nhev)
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-9)


def test_minimize_within_bounds() -> None:
    def square(p: Any) -> Any:
        return tg.sum(p["a"] ** 2) + p["b"] ** 2

    start = {"a": np.array([3.0, 4.0]), "b": 5.0}
    found = tg.minimize(square, start, bounds=({"a": [1.0, -1.0], "b": None}, None))
    np.testing.assert_allclose([*found.x["a"], found.x["b"]], [1, 0, 0], atol=1e-5)
    found = tg.minimize(square, start, bounds=(2.0, np.inf))
    np.testing.assert_allclose([*found.x["a"], found.x["b"]], [2, 2, 2])
    for start in (np.array([3.0, 4.0]), [3.0, 4.0]):
        found = tg.minimize(lambda x: x[0] ** 2 + x[1] ** 2, start, bounds=np.transpose([(1, 5), (-2, 5)]).tolist())
        np.testing.assert_allclose(found.x, [1, 0], atol=1e-5)


@pytest.mark.parametrize("method", [None, "trust-constr"])
def test_minimize_with_constraints(method: str | None) -> None:
    on_the_line = {"type": "eq", "fun": lambda p: p[0] + p[1] - 2}
    found = tg.minimize(lambda p: p[0] ** 2 + 3 * p[1] ** 2, (0.0, 0.0), constraints=on_the_line, method=method)
    np.testing.assert_allclose(found.x, [1.5, 0.5], atol=1e-4)


def test_minimize_callback_sees_containers_and_may_stop() -> None:
    seen = []

    def callback(p: Any) -> None:
        seen.append(p)
        if len(seen) == 2:
            raise StopIteration

    tg.minimize(bowl, START, callback=callback)
    assert len(seen) == 2
    assert seen[0]["x"].dtype == np.float32


@pytest.mark.slow
def test_minimize_example_finds_the_line_and_the_chain(capsys: pytest.CaptureFixture[str]) -> None:
    found = runpy.run_path(str(Path(tg.__file__).parent.parent / "examples" / "minimize.py"))
    assert abs(found["fit"].x["line"]["slope"] - 1.5) < 0.1
    assert np.abs(found["stretch"](found["table"].x).data).max() < 1e-6
    assert found["table"].x["y"].min() >= -1.2 - 1e-9
    assert "hanging chain" in capsys.readouterr().out


WRONG = {
    "single number": (ValueError, lambda: tg.minimize(lambda x: x, np.ones(2))),
    "floating-point number": (TypeError, lambda: tg.minimize(lambda x: 3, 1.0)),
    "at least one number": (ValueError, lambda: tg.minimize(bowl, [])),
    "expected bounds": (ValueError, lambda: tg.minimize(bowl, START, bounds=3)),
    r"become np.transpose\(pairs\)": (ValueError, lambda: tg.minimize(tg.sum, np.ones(2), bounds=[(0.0, 1.0)] * 2)),
    "got Tensor.* at x0, which has no": (TypeError, lambda: tg.minimize(lambda x: tg.sum(x).detach(), np.ones(2))),
    "got 2.0 at x0, which has no": (TypeError, lambda: tg.minimize(lambda x: tg.sum(x).item(), np.ones(2))),
    "expected a bound like the dict": (ValueError, lambda: tg.minimize(bowl, START, bounds=([1.0], None))),
    "method must be a name": (TypeError, lambda: tg.minimize(bowl, START, method=3)),
    "expected constraints as dicts": (TypeError, lambda: tg.minimize(bowl, START, constraints=[3])),
}


@pytest.mark.parametrize("message", WRONG)
def test_minimize_explains_wrong_arguments(message: str) -> None:
    error, call = WRONG[message]
    with pytest.raises(error, match=message):
        call()
