"""History: a mapping of lists, and its picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

import nn


def filled(epochs: int = 3) -> nn.History:
    history = nn.History()
    for e in range(epochs):
        history.record(
            {
                "loss": 1 / (e + 1), "data_loss": 0.9 / (e + 1), "regularization_loss": 0.1 / (e + 1),
                "accuracy": 1 - 1 / (e + 2), "learning_rate": 0.1, "val_loss": 1.1 / (e + 1), "val_accuracy": 0.5,
            }
        )  # fmt: skip
    return history


def test_history_is_a_mapping() -> None:
    history = filled()
    assert history["loss"] == [1, 1 / 2, 1 / 3]
    assert history.epochs == [0, 1, 2]
    assert len(history) == len(dict(history)) == 7
    assert "val_loss" in history
    assert "nothing" not in history
    with pytest.raises(KeyError, match=r"'los' was not recorded. There are: loss, data_loss"):
        history["los"]


def test_history_repr_shows_the_last_values() -> None:
    assert repr(nn.History()) == "History(0 epochs)"
    assert repr(filled(1)).startswith("History(1 epoch: loss 1, data_loss 0.9,")


def test_history_rejects_an_epoch_with_other_names() -> None:
    history = filled(2)
    with pytest.raises(ValueError, match="expected values for"):
        history.record({"loss": 1.0})
    assert {len(values) for values in history.values()} == {2}
    assert history.epochs == [0, 1]


@pytest.mark.parametrize("epochs", [0, 2])
def test_history_rejects_an_epoch_with_a_value_that_is_not_a_number(epochs: int) -> None:
    history = filled(epochs)
    before = {name: list(values) for name, values in history.items()}
    wrong: dict[str, Any] = {**dict.fromkeys(filled(1), 1.0), "val_accuracy": None}
    with pytest.raises(TypeError):
        history.record(wrong)
    assert dict(history) == before
    assert len(history.epochs) == epochs


def test_plot_shows_every_curve(tmp_path: Path) -> None:
    history = filled()
    figure = history.plot(tmp_path / "training.png")
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")
    panels = {axes.get_title(loc="left"): axes for axes in figure.axes}
    assert list(panels) == ["loss", "accuracy", "learning rate"]
    curves = {line.get_label(): list(line.get_ydata()) for line in panels["loss"].lines}
    assert curves == {
        "training": history["loss"],
        "training, without penalty": history["data_loss"],
        "validation": history["val_loss"],
    }
    assert list(panels["accuracy"].lines[0].get_xdata()) == [1, 2, 3]
    assert all(axes.get_xlabel() == "epoch" for axes in panels.values())


def test_plot_does_not_change_the_state_of_matplotlib(tmp_path: Path) -> None:
    before = dict(mpl.rcParams), "matplotlib.pyplot" in sys.modules
    filled(1).plot(tmp_path / "training.svg")
    assert (dict(mpl.rcParams), "matplotlib.pyplot" in sys.modules) == before


def test_plot_refuses_what_it_cannot_draw(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        nn.History().plot()
    with pytest.raises(ValueError, match=r"Use one of \..*\.png"):
        filled().plot(tmp_path / "training.xyz")
    assert list(tmp_path.iterdir()) == []


def test_plot_shows_names_as_they_are_written() -> None:
    history = nn.History()
    history.record({"loss": 1.0, r"cost in $\x$": 2.0})
    figure = history.plot()
    figure.draw_without_rendering()  # as mathematics, it would be an error
    assert figure.axes[1].get_title(loc="left") == r"cost in $\x$"
