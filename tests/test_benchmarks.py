"""What the benchmarks compare is the same work, and their sums are right. Nothing here looks at a clock."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.append(str(BENCHMARKS))  # they are scripts, which import one another from their own folder

from dense import by_hand, by_hand_tuned, by_tensorgrad  # noqa: E402
from dense.task import Task  # noqa: E402
from harness import Turn, check_agreement, compare  # noqa: E402
from plot import draw  # noqa: E402
from run import WORKLOADS  # noqa: E402
from table import Ratio, Row, markdown  # noqa: E402
from workloads import spiral  # noqa: E402


def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((2, 6, 4), np.float32), rng.integers(0, 3, (2, 6))


@pytest.mark.parametrize("optimizer", spiral.LEARNING_RATES)
def test_by_hand_and_tensorgrad_lose_the_same(optimizer):
    task = Task((4, 8, 5, 3), data, optimizer, learning_rate=0.01)
    hand, ours = by_hand.training(task), by_tensorgrad.training(task)
    losses = [float(ours()) for _ in range(8)]
    np.testing.assert_allclose([float(hand()) for _ in range(8)], losses, rtol=1e-4)
    assert losses[-2] < losses[0]  # the same batch again


@pytest.mark.parametrize("optimizer", spiral.LEARNING_RATES)
def test_by_hand_and_tensorgrad_lose_the_same_on_the_spiral(optimizer):  # where the book's loss would be clipped
    task = Task((2, 64, 3), spiral.data, optimizer, spiral.LEARNING_RATES[optimizer])
    hand, ours = by_hand.training(task), by_tensorgrad.training(task)
    np.testing.assert_allclose([hand() for _ in range(5)], [float(ours()) for _ in range(5)], rtol=1e-4)


def test_tuned_by_hand_loses_the_same():
    task = Task((4, 8, 5, 3), data, "Adam", learning_rate=0.01)
    tuned, hand = by_hand_tuned.training(task), by_hand.training(task)
    np.testing.assert_allclose([float(tuned()) for _ in range(8)], [float(hand()) for _ in range(8)], rtol=1e-4)


def test_workloads_are_the_files_of_the_folder():
    files = {path.stem for path in (BENCHMARKS / "workloads").glob("*.py")} - {"__init__"}
    assert sorted(WORKLOADS) == sorted(files)


def test_race_rejects_different_computations():
    check_agreement("work", [("a", [1.0, 2.0]), ("b", [1.0, 2.0 + 1e-9])], rtol=1e-6)
    with pytest.raises(RuntimeError, match=r"work, step 1: a computes 2\.0, but c 2\.1"):
        check_agreement("work", [("a", [1.0, 2.0]), ("b", [1.0, 2.0]), ("c", [1.0, 2.1])], rtol=1e-6)


def test_target_must_be_met_by_median_and_fastest_turns():
    ours = [Turn(wall, 0.0) for wall in (1.0, 2.0, 9.0)]
    theirs = [Turn(wall, 0.0) for wall in (2.0, 2.5, 3.0)]
    ratio = compare(ours, theirs, at_most=0.7)
    assert (ratio.median, ratio.fastest, ratio.met) == (0.8, 0.5, False)  # 0.5, 0.8, 3
    assert compare(ours, theirs, at_most=0.8).met
    assert not Ratio(0.5, 0.4, 0.6, fastest=0.9, at_most=0.8).met
    assert compare(ours, theirs, at_most=None).met is None


def test_table_and_picture_have_every_ratio():
    rows = [
        Row("work", 2, "tensorgrad", "1 ms"),
        Row("work", 2, "torch, fused", "2 ms", ratio=Ratio(0.5, 0.45, 0.55, 0.51, at_most=0.4)),
    ]
    first, second = markdown(rows).splitlines()[2:]
    assert "tensorgrad" in first
    assert [cell.strip() for cell in second.split("|")[6:10]] == ["0.50 (0.45–0.55)", "0.51", "≤ 0.40", "**missed**"]
    (axes,) = draw(rows).axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["work (2 threads)"]
    assert any(list(line.get_xdata()) == [0.5] for line in axes.lines)
