"""The compact form of a recording: symbols, and numbers inside operations."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.viz import draw
from tensorgrad.viz.folding import compact
from tensorgrad.viz.recording import labels
from tensorgrad.viz.recording.capture import capture

x = tg.tensor(3.0, requires_grad=True, name="x")
y = tg.tensor(2.0, requires_grad=True, name="y")
A = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="A")


@pytest.mark.parametrize(
    ("function", "title"),
    [
        (lambda: x + 1, "+ 1"), (lambda: 1 + x, "1 +"), (lambda: x - 1.5, "− 1.5"), (lambda: 1 - x, "1 − ( )"),
        (lambda: x * 2, "× 2"), (lambda: x / 4, "÷ 4"), (lambda: 1 / x, "1 ÷ ( )"), (lambda: x**2, "( )²"),
        (lambda: x**-3, "( )⁻³"), (lambda: x**0.5, "( )^0.5"), (lambda: 2**x, "2 ^ ( )"), (lambda: -x, "−( )"),
        (lambda: tg.sqrt(x), "√"), (lambda: x * y, "×"), (lambda: x - y, "−"), (lambda: A[0, 1], "[0, 1]"),
        (lambda: A[1:], "[1:]"), (lambda: A @ A, "@"), (lambda: A.sum(), "Σ"), (lambda: A.T, "( )ᵀ"),
        (lambda: tg.transpose(A, (1, 0)), "transpose"), (lambda: tg.exp(x), "exp"),
    ],
)  # fmt: skip
def test_compact_writes_operations_as_symbols(function, title):
    assert labels.full_title(compact(capture(function())).boxes[-1]) == title


def test_compact_keeps_numbers_that_other_operations_use():
    shown = [labels.full_title(box) for box in compact(capture(tg.maximum(x, 0.0) + 1)).boxes]
    assert shown == ["x", "0", "maximum", "+ 1"]


def test_compact_returns_a_recording_without_symbols_as_it_is():
    recording = capture(tg.tanh(x))
    assert compact(recording) is recording


def test_compact_is_the_default_for_scalars():
    assert draw(x * y + 1).style == "compact"
    assert draw(A.sum()).style == "full"
    assert draw(A.sum(), style="compact").style == "compact"
    with pytest.raises(ValueError, match="expected style to be one of None, 'compact', 'full'"):
        draw(x, style="small")


def test_compact_shows_shapes_only_without_numbers():
    value = tg.tensor(np.ones((20, 3)), requires_grad=True, name="many")
    shown = [text.text for box in draw((value * 2).sum(), style="compact").picture.boxes for text in box.card.texts]
    assert shown.count("(20, 3)") == 2
    assert "()" not in shown
