"""What notebooks show: tables of tensors, trees of networks, curves of trainings, and the bar of `fit`."""

from __future__ import annotations

import builtins
import io
import sys
import types
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn.training import progress


def parsed(view: Any) -> ElementTree.Element:
    """Return the HTML as a tree; it is written so that it is XML, too."""
    return ElementTree.fromstring(view._repr_html_().replace("<details open>", "<details open='open'>"))


def text(view: Any) -> str:
    return "".join(parsed(view).itertext())


def cells(view: Any) -> list[list[str]]:
    return [["".join(cell.itertext()) for cell in row] for row in parsed(view).iter("tr")]


def test_tensor_is_a_table_of_its_numbers() -> None:
    t = tg.tensor([[1.0, -2.0], [0.5, 4.0]], requires_grad=True, name="w<1>")
    assert cells(t) == [["1", "-2"], ["0.5", "4"]]
    assert "Tensor shape (2, 2), float64, name 'w<1>', requires_grad=True, 0.875 ± 2.132, from -2 to 4" in text(t)
    shades = [cell.get("style", "").rpartition("rgba(")[2] for cell in parsed(t).iter("td")]
    assert shades[1] == "230,97,1,0.23)"  # below 0
    assert shades[3] == "94,60,153,0.45)"  # the largest
    assert "op multiply" in text(t * 2)


@pytest.mark.parametrize("values", [np.zeros((0, 3)), 5, True, np.ones((2, 3, 4)), np.array([np.nan, np.inf]), [1, 2]])
def test_tensor_of_any_kind_has_a_view(values: Any) -> None:
    assert f"shape {np.shape(values)}" in text(tg.tensor(values))


def test_tensor_that_is_large_shows_its_ends() -> None:
    rows = cells(tg.tensor(np.arange(40.0 * 30).reshape(40, 30)))
    assert len(rows) == len(rows[0]) == 13
    assert (rows[0][0], rows[0][6], rows[-1][-1]) == ("0", "…", "1199")


def test_network_is_a_tree_of_its_layers() -> None:
    network = nn.Sequential(nn.Dense(2, 3), nn.Sequential(nn.ReLU(), nn.Dense(3, 1)))
    shown = text(network)
    for part in ("Sequential 13 parameters", "0: Dense(2, 3) 9 parameters", "0: ReLU()", "1: Dense(3, 1)"):
        assert part in shown
    assert "0.weight" not in text(network[0])
    assert "weight (2, 3) float32" in shown


def test_model_shows_its_parts_and_its_history() -> None:
    network = nn.Sequential(nn.Dense(2, 3, rng=0))
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters(), 0.1))
    assert "History" not in text(model)
    model.fit(np.ones((4, 2)), [0, 1, 2, 0], epochs=3, verbose=0)
    for part in ("network: Sequential", "SoftmaxCrossEntropy()", "SGD(2 parameters", "History 3 epochs"):
        assert part in text(model)


def test_history_has_a_curve_for_each_value() -> None:
    history = nn.History()
    assert text(history) == "History 0 epochs"
    for loss in (2.0, float("nan"), 1.0):
        history.record({"loss": loss, "accuracy": 0.5})
    rows = cells(history)
    assert [row[0] for row in rows] == ["", "loss", "accuracy"]
    assert rows[1][2] == "1"
    points = next(parsed(history).iter("polyline")).get("points", "")
    assert points == "2.0,3.0 158.0,25.0"  # from the top left to the bottom right, without the NaN


def test_treescope_is_supported_where_it_is_installed() -> None:
    treescope = pytest.importorskip("treescope", reason="treescope is optional")
    network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.ReLU())
    model = nn.Model(network, loss=nn.MeanSquaredError())
    for thing, part in ((network, "Dense"), (model, "MeanSquaredError"), (tg.tensor([1.0, 2.0]), "requires_grad")):
        assert part in treescope.render_to_text(thing)


def test_bar_in_a_notebook_without_widgets_is_not_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    assert progress._stream(object) is None
    shell = types.SimpleNamespace(kernel=object())
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    network = nn.Sequential(nn.Dense(2, 1, rng=0))
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters(), 0.1))
    model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=2)
    assert "epoch 2/2" in out.getvalue()
    assert not err.getvalue()


def test_bar_that_is_a_widget_is_left_to_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    base = type("tqdm_notebook", (), {"__module__": "tqdm.notebook"})
    widget = type("tqdm", (base,), {})
    monkeypatch.setattr(progress, "_is_notebook", lambda: True)
    assert progress._stream(widget) is None
    assert progress._stream(type("tqdm", (type("tqdm_asyncio", (), {}),), {})) is sys.stdout
