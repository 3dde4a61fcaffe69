"""Arguments that networks refuse, and small functions that training does not reach."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import nn.distributed
import tensorgrad as tg
from nn.callbacks.clipping import clip_norm
from nn.data.batches import Batches, Part
from nn.plots.decisions import decide
from nn.training.history import History

X, Y = np.ones((4, 3)), np.zeros((4, 1))


def model(**options: Any) -> nn.Model:
    network = nn.Dense(3, 1, dtype=np.float64, rng=0)
    return nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters()), **options)


def two_answers() -> nn.Model:
    return nn.Model(nn.Dense(3, 2, rng=0), loss=nn.BinaryCrossEntropy())


def nested() -> nn.Module:
    """Return a module with a list that is inside itself."""
    network = nn.Module()
    layers: list[Any] = []
    layers.append(layers)
    network.layers = layers
    return network


def trained_by_two(path: Path) -> None:
    """Save a model whose optimizer has a parameter of another network."""
    network = nn.Dense(3, 1)
    optimizer = nn.SGD([*network.parameters(), tg.tensor([1.0], requires_grad=True)])
    nn.Model(network, loss=nn.MeanSquaredError(), optimizer=optimizer).save(path)


def rnn(x: Any, **options: Any) -> Any:
    return nn.functional.rnn(x, np.ones((3, 2)), np.ones((2, 2)), **options)


REFUSED: list[tuple[Callable[[Path], Any], type[BaseException], str]] = [
    (lambda _: clip_norm(["w"], 1.0), TypeError, "clip: expected tensors such as network.parameters(), got str"),
    (lambda _: nn.Tanh(3), TypeError, "Tanh() takes no arguments, got 3"),
    (lambda _: list(nested().parameters()), ValueError, "a module's lists can be nested"),
    (lambda _: next(Batches(X).portions(3)), TypeError, "portions: expected a Part, got 3"),
    (lambda _: Batches(X).batch(3), TypeError, "Batches.batch: expected a slice or an array of rows, got 3"),
    (lambda _: nn.LearnedPositions(5, 4)(X), ValueError, "expected x of shape (…, time, 4), got (4, 3)"),
    (lambda _: nn.Parallel(nn.Tanh(), abs), TypeError, "Parallel: expected modules, got .* at position 1"),
    (lambda _: nn.TransformerEncoder(nn.Tanh(), 2), TypeError, "TransformerEncoder: expected a block such as"),
    (lambda _: nn.Precision().measure(X, Y), ValueError, "Precision: predictions of shape (4, 3) and targets of"),
    (lambda _: nn.metrics.Metric().measure(X, Y), NotImplementedError, "Metric: a metric needs a measure"),
    (lambda _: History().record(3), TypeError, "History: expected a dict with the values of an epoch, got 3"),
    (lambda _: model(compile="yes"), TypeError, "Model: compile must be True or False, got 'yes'"),
    (lambda _: model(device="cpu"), ValueError, "are for compiled models. Pass compile=True"),
    (lambda _: rnn(np.ones((4, 3))), ValueError, "rnn: expected x of shape (batch, time, 3), got (4, 3). .* x[None]"),
    (lambda _: rnn(np.ones((4, 0, 3))), ValueError, "rnn: expected sequences of at least one step"),
    (lambda _: rnn(np.ones((1, 2, 3)), mask=np.ones((1, 2))), TypeError, "rnn: expected a mask of booleans"),
    (lambda _: rnn(np.ones((1, 2, 3)), activation="gelu"), ValueError, "activation must be 'tanh' or 'relu'"),
    (
        lambda _: nn.functional.conv_transpose2d(np.ones((1, 5, 5, 3)), np.ones((2, 2, 1, 4))),
        ValueError,
        "conv_transpose2d: expected x of shape (batch, height, width, channels) with 4 channels",
    ),
    (lambda _: nn.BatchNorm(3, dim=1), TypeError, "unexpected keyword argument 'dim'"),
    (lambda _: nn.Dense(3, 1, biass=False), TypeError, "Did you mean bias?"),
    (lambda _: nn.Flatten(channels_first=1), TypeError, "Flatten: channels_first must be True or False, got 1"),
    (lambda _: nn.Reshape(4), TypeError, "Reshape: expected the shape of a sample as a tuple, got 4"),
    (lambda _: nn.Reshape((2.5,)), TypeError, "Reshape: the lengths must be integers"),
    (lambda _: nn.plots.embedding(X, method="umap"), ValueError, "method must be 'pca' or 'tsne', got 'umap'"),
    (lambda _: nn.plots.embedding(X[:, :1]), ValueError, "embedding: vectors must be .* got shape (4, 1)"),
    (lambda _: nn.plots.embedding(X, labels=[0]), ValueError, "embedding: there are 4 vectors, but 1 labels"),
    (lambda _: decide("mistakes", two_answers(), X), ValueError, "each of the 2 outputs is a separate"),
    (lambda _: nn.functional.logistic, AttributeError, "nn.functional.logistic is now tensorgrad.sigmoid"),
    (lambda _: nn.distributed.main(["--processes", "0", "train.py"]), SystemExit, "2"),
    (lambda _: nn.functional.zero_pad2d(X[None, ..., None], "same"), ValueError, "zero_pad2d: expected a number"),
    (trained_by_two, nn.SaveError, "parameter 2 of the optimizer is not a parameter of the network"),
    (lambda path: nn.interop.save_pytorch(model(), path), TypeError, "save_pytorch: network must be an nn.Module"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_networks_refuse_wrong_arguments_by_name(number: int, tmp_path: Path) -> None:
    call, error, message = REFUSED[number]
    pattern = ".*".join(re.escape(part) for part in message.split(".*"))
    with pytest.raises(error, match=pattern):
        call(tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_batches_split_last_divides_the_sample_weights() -> None:
    first, last = Batches(X, Y, sample_weight=[1.0, 2.0, 3.0, 4.0]).split_last(0.25)
    np.testing.assert_allclose(first.sample_weight, [0.5, 1.0, 1.5])  # their mean is 1
    np.testing.assert_allclose(last.sample_weight, [1.0])


def test_batches_are_augmented_for_the_samples_of_all_processes() -> None:
    def shifted(x: Any, rng: Any) -> Any:
        return x + rng.normal(size=(len(x), 1))

    parts = [
        [batch[0] for batch, _, _ in Batches(X, Y, batch_size=4, augment=shifted, rng=0).portions(Part(k, 2, 2))]
        for k in range(2)
    ]
    (whole,) = [batch[0] for batch in Batches(X, Y, batch_size=4, augment=shifted, rng=0)]
    np.testing.assert_array_equal(np.concatenate([parts[0][0], parts[1][0]]), whole)


def test_drawing_a_normalisation_layer_needs_no_input() -> None:
    for layer, shape in (
        (nn.BatchNorm(3), (1, 3)),
        (nn.InstanceNorm(3), (1, 2, 3)),
        (nn.BatchNorm(3, affine=False), (1, 3)),
    ):
        assert layer.__graph__().shape == shape
    assert model().__graph__(X).shape == (4, 1)
    with pytest.raises(ValueError, match="Tanh: the shape of the input is not known"):
        nn.Tanh().__graph__()


def test_freeze_leaves_a_layer_without_parameters_alone() -> None:
    assert list(nn.BatchNorm(3, affine=False).freeze().parameters()) == []


def test_losses_of_two_classes_find_the_class_from_the_probability() -> None:
    loss = nn.BinaryCrossEntropy()
    assert loss.classes(loss.probabilities(np.array([0.2, 0.7, 0.5]))).tolist() == [0, 1, 0]


def test_attention_with_a_mask_of_booleans_and_padding_attends_to_both() -> None:
    layer, rng = nn.MultiHeadAttention(4, 2, dtype=np.float64, rng=0), np.random.default_rng(0)
    x, allowed, real = rng.normal(size=(2, 3, 4)), np.tri(3, dtype=bool), np.array([[True] * 3, [True, True, False]])
    both = np.where(allowed & real[:, None], 0.0, -np.inf)
    got, expected = layer(x, mask=allowed, key_mask=real), layer(x, mask=both)
    np.testing.assert_allclose(got.array, expected.array, rtol=1e-12)


def test_representations_show_the_settings() -> None:
    assert repr(nn.data.Standardizer(X + np.eye(4, 3))) == "Standardizer(for samples of shape (3,))"
    assert repr(nn.AveragedWeights(decay=0.9)).startswith("AveragedWeights(decay=0.9, every=1, ")
    assert "dtype='float64'" in repr(nn.LearnedPositions(5, 4, dtype=np.float64))


def test_summary_of_several_outputs_scales_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Dense(1000, 1000)

        def forward(self, x: Any) -> Any:
            y = self.layer(x)
            return {"y": y, "z": (tg.tanh(y), y)}

    network = Two()
    nn.Model(network, loss=nn.MeanSquaredError()).summary((1000,), batch_size=1_000_000)
    printed = capsys.readouterr().out
    assert "4 MB" in printed  # 1,001,000 numbers of 4 bytes
    assert re.search(r"2 T FLOPs", printed)  # 2 · 1000² for each of 1,000,000 samples
    assert "GB kept" in printed
