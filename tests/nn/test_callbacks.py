"""The ready-made callbacks: stopping, checkpoints, the log, clipping; and resuming with them."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn._hints import CALLBACK
from nn.callbacks.clipping import clip_norm, clip_value
from nn.callbacks.monitor import Monitor

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(-1, 1)


def model_of(rate: float = 0.1) -> nn.Model:
    network = nn.Dense(1, 1, rng=0)
    return nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters(), rate), rng=0)


def fit(model: nn.Model, *callbacks: nn.Callback, epochs: int = 20, **options: Any) -> nn.History:
    return model.fit(X, 2 * X, epochs=epochs, batch_size=4, callbacks=callbacks, verbose=0, **options)


class Scripted(nn.Callback):
    """Makes val_loss take given values, by way of the weight; remembers the weight of each epoch."""

    def __init__(self, *losses: float) -> None:
        self.losses = losses

    def on_step_end(self, step: int, logs: Mapping[str, float]) -> None:
        epoch = len(self.model.history.epochs)
        self.model.network.weight.data = [[2 + math.sqrt(self.losses[min(epoch, len(self.losses) - 1)])]]
        self.model.network.bias.data = [0.0]


ONE = (np.ones((1, 1), np.float32), np.full((1, 1), 2.0, np.float32))
"""Validation data on which the loss is (weight - 2)²."""


# -- stopping -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("losses", "options", "stopped", "best"),
    [
        ((5, 4, 3, 4, 4, 4, 1), {"patience": 3}, 5, 2),
        ((5, 4, 3, 4, 4, 2, 3, 3, 3), {"patience": 3}, 8, 5),
        ((5, 4.5, 4.2, 3, 2.9), {"patience": 2, "min_delta": 0.9}, 2, 0),
        ((5, 4, 4, 4), {"patience": 1}, 2, 1),
        ((1, 2, 3, 3, 3), {"patience": 2, "mode": "max"}, 4, 2),
        ((5, 4, 3, 2, 1), {"patience": 2}, None, 4),
    ],
)
def test_early_stopping_stops_in_time_and_restores_the_best_weights(
    losses: Any, options: Any, stopped: int | None, best: int
) -> None:
    model = model_of()
    stopping = nn.EarlyStopping("val_loss", **options)
    history = fit(model, Scripted(*losses), stopping, epochs=len(losses), validation_data=ONE)
    assert (stopping.stopped_epoch, stopping.best_epoch) == (stopped, best)
    assert len(history.epochs) == (len(losses) if stopped is None else stopped + 1)
    assert model.evaluate(*ONE)["loss"] == pytest.approx(losses[best], rel=1e-5)
    assert stopping.best == pytest.approx(losses[best], rel=1e-5)

    model = model_of()
    fit(model, Scripted(*losses), nn.EarlyStopping(**options, restore_best=False), epochs=9, validation_data=ONE)
    assert model.evaluate(*ONE)["loss"] == pytest.approx(losses[-1 if stopped is None else stopped], rel=1e-5)


def test_early_stopping_restores_the_best_weights_after_an_error() -> None:
    class Fails(nn.Callback):
        def on_epoch_begin(self, epoch: int) -> None:
            if epoch == 3:
                raise KeyboardInterrupt

    model = model_of()
    with pytest.raises(KeyboardInterrupt):
        fit(model, Scripted(3, 1, 2), nn.EarlyStopping(), Fails(), validation_data=ONE)
    assert model.evaluate(*ONE)["loss"] == pytest.approx(1)


def test_early_stopping_can_be_reused() -> None:
    stopping = nn.EarlyStopping(patience=2)
    for losses in ((3, 4, 4), (8, 7, 8, 8)):
        history = fit(model_of(), Scripted(*losses), stopping, validation_data=ONE)
        assert len(history.epochs) == len(losses)


def test_early_stopping_continues_counting_when_resumed() -> None:
    model, stopping = model_of(), nn.EarlyStopping(patience=4)
    fit(model, Scripted(3, 4, 4), stopping, epochs=3, validation_data=ONE)
    with pytest.warns(UserWarning, match=r"epoch 1 was the best \(val_loss 3\), but training was resumed after it"):
        history = fit(model, Scripted(3, 4, 4), stopping, resume=True, validation_data=ONE)
    assert len(history.epochs) == 5
    with pytest.warns(UserWarning, match="resumed after it"):
        fit(model, stopping, resume=True, validation_data=ONE)  # nothing is left to do
    assert len(model.history.epochs) == 5


def test_early_stopping_rejects_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"'val_loss' was not measured. There are: loss, .*Give fit validation_data"):
        fit(model_of(), nn.EarlyStopping())
    with pytest.raises(ValueError, match="should 'f1' increase or decrease"):
        nn.EarlyStopping("f1")
    with pytest.raises(ValueError, match='mode must be "auto"'):
        nn.EarlyStopping(mode="most")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"patience must be an integer, got 2\.5"):
        nn.EarlyStopping(patience=2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="patience must be at least 1, got 0"):
        nn.EarlyStopping(patience=0)
    with pytest.raises(ValueError, match="min_delta must be finite"):
        nn.EarlyStopping(min_delta=-1)


def test_early_stopping_never_takes_nan_as_best() -> None:
    monitor = Monitor("test", "accuracy")
    values = [math.nan, 0.5, math.nan, 0.5, 0.6]
    assert [monitor.is_best(e, {"accuracy": v}) for e, v in enumerate(values)] == [False, True, False, False, True]


# -- resuming -------------------------------------------------------------------------------------------------


def test_fit_resume_trains_the_missing_epochs() -> None:
    whole, parts = model_of(), model_of()
    fit(whole, epochs=6)
    for epochs in (2, 5, 3, 6):
        history = fit(parts, epochs=epochs, resume=True)
    assert history.epochs == list(range(6))
    assert dict(history) == dict(whole.history)
    assert np.array_equal(parts.network.state_dict()["weight"], whole.network.state_dict()["weight"])
    assert fit(parts, epochs=2).epochs == [0, 1]


def test_fit_resume_rejects_other_metrics_before_training() -> None:
    model = model_of()
    fit(model, epochs=2)
    before = model.network.state_dict()["weight"]
    with pytest.raises(ValueError, match=r"resume=True, but the epochs before have .* will have .*val_loss"):
        fit(model, resume=True, validation_data=ONE)
    assert np.array_equal(model.network.state_dict()["weight"], before)


def test_fit_resume_starts_the_display_at_its_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    model = model_of()
    fit(model, epochs=2)
    for verbose in (1, 2):
        model.fit(X, X, epochs=2 + verbose, batch_size=4, resume=True, verbose=verbose)
    shown = capsys.readouterr()
    assert "epoch 3/3" in shown.err
    assert "epoch 1/" not in shown.err
    assert shown.out.startswith("epoch 4/4")


# -- checkpoints ----------------------------------------------------------------------------------------------


def test_checkpoint_keeps_the_last_the_best_and_others(tmp_path: Path) -> None:
    path = tmp_path / "run" / "m.safetensors"
    model = model_of()
    checkpoint = nn.ModelCheckpoint(path, monitor="val_loss", keep=2)
    fit(model, Scripted(3, 1, 2, 4), checkpoint, epochs=4, validation_data=ONE)
    assert sorted(os.listdir(path.parent)) == [
        "m.0003.safetensors",
        "m.0004.safetensors",
        "m.best.safetensors",
        "m.safetensors",
    ]
    for name, epochs, loss in (("m.0003", 3, 2), ("m.0004", 4, 4), ("m.best", 2, 1), ("m", 4, 4)):
        loaded = nn.Model.load(path.with_name(f"{name}.safetensors"))
        assert len(loaded.history.epochs) == epochs
        assert loaded.evaluate(*ONE)["loss"] == pytest.approx(loss, rel=1e-5)
    assert checkpoint.best_path == path.with_name("m.best.safetensors")

    fit(model, Scripted(3, 1, 2, 4, 2), checkpoint, epochs=5, validation_data=ONE, resume=True)
    assert len(nn.Model.load(checkpoint.best_path).history.epochs) == 2  # the second is the best still


def test_checkpoint_rejects_an_unsaveable_model_before_training(tmp_path: Path) -> None:
    model = model_of()
    model.loss = lambda predictions, targets: tg.mean(predictions - targets)
    before = model.network.state_dict()["weight"]
    with pytest.raises(nn.SaveError, match="loss is <function"):
        fit(model, nn.ModelCheckpoint(tmp_path / "m"))
    assert np.array_equal(model.network.state_dict()["weight"], before)
    with pytest.raises(ValueError, match="keep must be at least 0"):
        nn.ModelCheckpoint(tmp_path / "m", keep=-1)
    with pytest.raises(TypeError, match=r"keep must be an integer, got 1\.5"):
        nn.ModelCheckpoint(tmp_path / "m", keep=1.5)  # type: ignore[arg-type]


def test_checkpoint_keeps_an_earlier_file_until_the_first_epoch(tmp_path: Path) -> None:
    class Fails(nn.Callback):
        def on_gradients(self, step: int) -> None:
            raise RuntimeError("failed in the first epoch")

    path = tmp_path / "m"
    fit(model_of(), nn.ModelCheckpoint(path), epochs=2)
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="failed in the first epoch"):
        fit(model_of(), nn.ModelCheckpoint(path), Fails())
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m"]


# -- the log --------------------------------------------------------------------------------------------------


def test_csv_log_has_every_number_and_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("old")
    model = model_of()
    fit(model, nn.CSVLog(path), epochs=2)
    fit(model, nn.CSVLog(path), epochs=4, resume=True)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    for name, values in model.history.items():
        assert [float(row[name]) for row in rows] == values
    with pytest.raises(FileNotFoundError):
        fit(model_of(), nn.CSVLog(tmp_path / "none" / "log.csv"))


# -- clipping -------------------------------------------------------------------------------------------------


def parameters(dtype: Any = np.float32) -> list[tg.Tensor]:
    found = [tg.tensor(np.zeros(shape, dtype), requires_grad=True) for shape in ((2, 2), (2,), (), (3,))]
    for parameter, gradient in zip(found, ([[3.0, 0.0], [0.0, 0.0]], [0.0, -4.0], 12.0, None)):
        parameter.grad = None if gradient is None else np.asarray(gradient, dtype)
    return found


def test_clip_by_norm_keeps_the_direction() -> None:
    clipped = parameters()
    assert clip_norm(clipped, 6.5) == 13.0  # 3, 4, 12, 13
    for parameter, before in zip(clipped, parameters()):
        if before.grad is None:
            assert parameter.grad is None
        else:
            assert parameter.grad is not None
            assert parameter.grad.dtype == np.float32
            assert parameter.grad.shape == before.shape
            np.testing.assert_allclose(parameter.grad, before.grad / 2, rtol=1e-6)
    assert clip_norm(clipped, 6.6) == pytest.approx(6.5)
    assert clip_norm(clipped, 6.6) == pytest.approx(6.5)


def test_clip_norm_neither_overflows_nor_hides_nan() -> None:
    large = parameters()
    large[1].grad = np.array([1e30, 1e30], np.float32)
    assert clip_norm(large, 1.0) == pytest.approx(math.sqrt(2) * 1e30)
    np.testing.assert_allclose(large[1].grad, math.sqrt(0.5), rtol=1e-6)
    large[1].grad = np.array([math.nan, 1.0], np.float32)
    assert math.isnan(clip_norm(large, 1.0))
    assert large[1].grad[1] == 1.0
    large[1].grad = np.array([math.inf, 1.0], np.float32)
    assert clip_norm(large, 1.0) == math.inf
    assert large[1].grad.tolist() == [math.inf, 1.0]


def test_clip_norm_of_huge_and_of_tiny_gradients() -> None:
    for size in (1e200, 1e-200, 5e-324):
        (parameter, *_) = parameters(np.float64)
        parameter.grad = np.array([[3 * size, 0.0], [0.0, -4 * size]])
        assert clip_norm([parameter], 1e-320) == pytest.approx(5 * size, rel=1e-15)
    parameter.grad = np.full((2, 2), 1e200)
    clip_norm([parameter], 1.0)
    np.testing.assert_allclose(parameter.grad, 0.5)
    assert clip_norm([], 1.0) == 0.0


def test_clip_keeps_an_infinite_gradient() -> None:
    class Spoils(nn.Callback):
        def on_gradients(self, step: int) -> None:
            self.model.network.weight.grad[0, 0] = math.inf

    model = model_of()
    before = model.network.state_dict()["weight"]
    with pytest.raises(FloatingPointError, match="the gradient of parameter 0 'weight' became NaN or infinite"):
        fit(model, Spoils(), nn.ClipGradients(value=1.0))
    assert np.array_equal(model.network.state_dict()["weight"], before)


def test_clip_by_value_bounds_each_number() -> None:
    clipped = parameters()
    clip_value(clipped, 3.5)
    found = [None if p.grad is None else p.grad.tolist() for p in clipped]
    assert found == [[[3.0, 0.0], [0.0, 0.0]], [0.0, -3.5], 3.5, None]
    assert clipped[2].grad is not None
    assert clipped[2].grad.dtype == np.float32


@pytest.mark.parametrize("options", [{"value": 0.01}, {"norm": 0.01}])
def test_fit_updates_with_the_clipped_gradients(options: Any) -> None:
    model = model_of(rate=1.0)
    before = model.network.state_dict()["weight"]
    fit(model, nn.ClipGradients(**options), epochs=1)
    moved = abs(model.network.state_dict()["weight"] - before).item()
    assert 0.02 < moved <= 0.03 + 1e-6  # three steps of at most 0.01


def test_clip_rejects_wrong_arguments() -> None:
    for options in ({}, {"value": 1.0, "norm": 1.0}):
        with pytest.raises(ValueError, match="give either value=… or norm=…"):
            nn.ClipGradients(**options)
    for bound in (0, -1, math.inf, math.nan):
        with pytest.raises(ValueError, match="the bound must be finite and above 0"):
            nn.ClipGradients(norm=bound)


def test_callback_warns_of_methods_that_are_never_called() -> None:
    with pytest.warns(UserWarning, match=r"Mine.on_train_begin is never called. Use on_fit_begin\(model\)"):

        class Mine(nn.Callback):
            def on_train_begin(self, logs: Any = None) -> None:
                pass

    for name, here in CALLBACK.items():
        assert not hasattr(nn.Callback, name)
        assert hasattr(nn.Callback, here.partition("(")[0])
