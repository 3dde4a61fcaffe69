"""Arguments of the wrong kind give a documented error, never one from inside, and never an endless loop."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest

import nn
import tensorgrad as tg

from . import wrong_calls
from .wrong_calls import WrongCall, complaint, public_callables

matplotlib.use("agg")

CALLABLES = public_callables()
CALLS = list(wrong_calls.wrong_calls(CALLABLES))
CALLS_OF: dict[str, list[WrongCall]] = defaultdict(list)
for _call in CALLS:
    CALLS_OF[_call.name].append(_call)
SAMPLE = random.Random(0).sample(CALLS, 300)


def complaints(calls: list[WrongCall]) -> str:
    """What is wrong with these calls, a line each."""
    return "\n".join(filter(None, (complaint(call, CALLABLES[call.name]) for call in calls)))


def test_wrong_calls_are_many() -> None:
    assert len(CALLS) >= 15_000
    assert {"tg.sum", "nn.Dense", "Tensor.reshape", "Model.fit", "metric BinaryAccuracy.__call__"} <= set(CALLABLES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_valid_calls_are_valid_for_most_callables() -> None:
    """Otherwise the first check of each function would hide all others."""
    accepted = 0
    for call in {call.name: call for call in CALLS}.values():
        args, kwargs = wrong_calls.arguments(WrongCall(call.name, "", "None"), CALLABLES[call.name])
        try:
            with np.errstate(all="ignore"):
                CALLABLES[call.name](*args, **kwargs)
        except Exception:
            continue
        accepted += 1
    assert accepted > 0.9 * len({call.name for call in CALLS})


@pytest.mark.filterwarnings("ignore")
def test_wrong_calls_give_documented_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not complaints(SAMPLE)


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLABLES)
def test_every_wrong_call_gives_a_documented_error(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not complaints(CALLS_OF[name])


X = np.array([[2.0, 0.5], [0.5, 1.0]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tg.array_split(X, 10**19), ValueError, "array_split: expected at most 100000 sections"),
        (lambda: tg.fmod(X, None), TypeError, "fmod: expected a tensor or numbers as 'y', got None"),
        (lambda: tg.linalg.eigh(X, UPLO=1), ValueError, 'eigh: expected UPLO "L" or "U", got 1'),
        (lambda: nn.EarlyStopping(None), TypeError, "EarlyStopping: monitor must be the name"),  # type: ignore[arg-type]
        (lambda: nn.ModelCheckpoint("m", monitor=3), TypeError, "ModelCheckpoint: monitor must be"),  # type: ignore[arg-type]
        (lambda: tg.gradient(tg.tensor(1.0), X), TypeError, "gradient: expected a tensor .* as inputs, got ndarray"),
        (lambda: tg.gradcheck(tg.sum, X, rng="x"), TypeError, "gradcheck: rng must be"),
        (lambda: tg.sum(X, axis=10**19), ValueError, "sum: Python int too large"),
        (lambda: tg.sum(X, axis=10**19), OverflowError, "sum: Python int too large"),  # as NumPy
        (lambda: tg.insert(X, True, 1.0), TypeError, "insert: expected positions as obj, got True"),
        (lambda: nn.datasets.spiral(5, 10**19), ValueError, "datasets.spiral: at most 1,000,000,000 samples"),
        (lambda: tg.einsum("ij->i", X, optimize={"a": 1}), TypeError, "einsum: optimize must be"),
    ],
)
def test_wrong_argument_is_named(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_lists_that_contain_themselves_are_rejected() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for function in (tg.tensor, tg.clip, tg.all, tg.median, tg.diff):
        with pytest.raises((ValueError, TypeError)):
            function(endless)


def test_select_takes_tensors_as_conditions() -> None:
    x = tg.tensor([-1.0, 2.0, 5.0], requires_grad=True)
    chosen = tg.select([tg.tensor([True, False, False]), tg.tensor([False, True, False])], [-x, x * x], 9.0)
    chosen.sum().backward()
    np.testing.assert_array_equal(chosen.data, [1.0, 4.0, 9.0])
    np.testing.assert_array_equal(x.grad, [-1.0, 4.0, 0.0])  # type: ignore[arg-type]


def test_diff_of_more_often_than_elements_is_empty() -> None:
    assert tg.diff(np.arange(5.0), n=10**19).shape == np.diff(np.arange(5.0), n=9).shape


def test_metrics_measure_lists() -> None:
    assert nn.CategoricalAccuracy().measure([[0.1, 0.9]], [1]).tolist() == [True]  # type: ignore[arg-type]
    assert nn.BinaryAccuracy().measure([0.9], [1]).tolist() == [True]  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="RegressionAccuracy: predictions of shape"):
        nn.RegressionAccuracy().measure([0.9], 1)  # type: ignore[arg-type]
