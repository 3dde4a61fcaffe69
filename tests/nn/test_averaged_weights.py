"""Averaged weights: their formula, in `fit` and by hand, their files, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg


def make_model(seed: int = 0) -> nn.Model:
    network = nn.Sequential(nn.Dense(4, 5, rng=seed), nn.BatchNorm(5), nn.Tanh(), nn.Dense(5, 3, rng=seed + 1))
    optimizer = nn.Adam(network.parameters(), 0.05)
    return nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, rng=0)


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.normal(size=(20, 4)).astype(np.float32), np.arange(20) % 3


def one_weight() -> tuple[nn.Module, tg.Tensor]:
    network = nn.Module()
    network.w = tg.tensor(np.array([1.0, -1.0]), requires_grad=True)
    return network, network.w


def values_of(network: nn.Module) -> list[Any]:
    return [tensor.numpy() for _, tensor in network.named_state()]


def assert_equal(first: list[Any], second: list[Any]) -> None:
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("decay", "every", "start"), [(0.9, 1, 0), (None, 1, 0), (0.5, 3, 0), (None, 2, 3), (0.0, 1, 0)]
)
def test_average_follows_its_formula(decay: float | None, every: int, start: int, rng: np.random.Generator) -> None:
    network, w = one_weight()
    average = nn.AveragedWeights(network, decay=decay, every=every, start=start)
    seen: list[Any] = []
    for step in range(1, 11):
        w.data = rng.normal(size=2)
        average.update()
        if step > start and step % every == 0:
            seen.append(w.numpy())
    expected = np.mean(seen, axis=0) if decay is None else seen[0]
    for each in seen if decay is not None else ():
        expected = decay * expected + (1 - decay) * each
    with average.applied():
        np.testing.assert_allclose(w.data, expected, rtol=1e-12)
    assert (average.steps, average.updates) == (10, len(seen))


def test_average_is_the_last_weights_until_it_starts() -> None:
    network, w = one_weight()
    average = nn.AveragedWeights(network, start=5)
    w.data = [3.0, 4.0]
    average.update()
    with average.applied():
        np.testing.assert_array_equal(w.data, [3.0, 4.0])
    assert average.updates == 0


@pytest.mark.parametrize("decay", [0.9, None])
def test_average_equals_pytorch(decay: float | None, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    network, w = one_weight()
    module = torch.nn.Module()
    module.w = torch.nn.Parameter(torch.tensor(w.numpy()))
    function = None if decay is None else torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
    reference = torch.optim.swa_utils.AveragedModel(module, multi_avg_fn=function)
    average = nn.AveragedWeights(network, decay=decay)
    for _ in range(50):
        w.data = rng.normal(size=2)
        module.w.data = torch.tensor(w.numpy())
        average.update()
        reference.update_parameters(module)
    average.copy_to_network()
    np.testing.assert_allclose(w.data, reference.module.w.detach().numpy(), rtol=1e-12)


def test_average_as_a_callback_leaves_training_alone(data: tuple[Any, Any]) -> None:
    plain, averaged, by_hand = make_model(), make_model(), make_model()
    average = nn.AveragedWeights(decay=0.8)
    options = {"epochs": 3, "batch_size": 8, "validation_data": data, "verbose": 0}
    first = plain.fit(*data, **options)
    second = averaged.fit(*data, callbacks=[average], **options)
    assert_equal(values_of(plain.network), values_of(averaged.network))
    assert first["loss"] == second["loss"]
    assert first["val_loss"] != second["val_loss"]

    class Update(nn.Callback):
        own: Any = None

        def on_fit_begin(self, model: Any) -> None:
            self.own = nn.AveragedWeights(model.network, decay=0.8)

        def on_step_end(self, step: int, logs: Any) -> None:
            self.own.update()

    update = Update()
    by_hand.fit(*data, callbacks=[update], **options)
    assert_equal(list(average.state_dict().values()), list(update.own.state_dict().values()))
    before = values_of(averaged.network)
    with average.applied():
        assert averaged.evaluate(*data, batch_size=8)["loss"] == second["val_loss"][-1]
        assert any((one != other).any() for one, other in zip(before, values_of(averaged.network)))
    assert_equal(before, values_of(averaged.network))


def test_average_restores_the_weights_when_validation_fails(data: tuple[Any, Any]) -> None:
    class Fails(nn.Callback):
        def on_validation_begin(self) -> None:
            raise KeyboardInterrupt

    model, plain = make_model(), make_model()
    average = nn.AveragedWeights(decay=0.5)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data, batch_size=8, validation_data=data, callbacks=[average, Fails()], verbose=0)
    plain.fit(*data, batch_size=8, verbose=0)
    assert_equal(values_of(model.network), values_of(plain.network))
    assert average.updates == 3
    average.update()


def test_average_resumes_from_its_state_and_from_a_file(data: tuple[Any, Any], tmp_path: Path) -> None:
    whole, average = make_model(), nn.AveragedWeights(decay=None, start=2)
    whole.fit(*data, epochs=4, batch_size=8, callbacks=[average], verbose=0)
    model, first = make_model(), nn.AveragedWeights(decay=None, start=2)
    model.fit(*data, epochs=2, batch_size=8, callbacks=[first], verbose=0)
    model.save(tmp_path / "model.safetensors")
    first.save(tmp_path / "average.safetensors")
    again = nn.Model.load(tmp_path / "model.safetensors")
    resumed = nn.AveragedWeights(again.network, decay=None, start=2)
    resumed.load(tmp_path / "average.safetensors")
    again.fit(*data, epochs=4, batch_size=8, callbacks=[resumed], resume=True, verbose=0)
    assert resumed.state_dict().keys() == average.state_dict().keys()
    assert_equal(list(resumed.state_dict().values()), list(average.state_dict().values()))
    with average.applied():  # a network with the average is saved like any other
        whole.save_parameters(tmp_path / "averaged.safetensors")
    model.load_parameters(tmp_path / "averaged.safetensors")
    average.copy_to_network()
    assert_equal(values_of(model.network), values_of(whole.network))


def test_average_follows_frozen_parameters_and_keeps_buffers() -> None:
    network = nn.Sequential(nn.Dense(2, 2, rng=0), nn.BatchNorm(2))
    average = nn.AveragedWeights(network, decay=0.5)
    network[0].bias.requires_grad = False
    network[0].bias.data += 1
    network[1].running_mean.data += 2
    average.update()
    average.update()
    with average.applied():
        np.testing.assert_array_equal(network[0].bias.data, 1)
        np.testing.assert_array_equal(network[1].running_mean.data, 2)
    half = nn.Dense(2, 2, rng=0, dtype=np.float16)
    average = nn.AveragedWeights(half, decay=0.999)
    assert {array.dtype for name, array in average.state_dict().items() if "." in name} == {np.dtype(np.float32)}
    with average.applied():
        assert half.weight.dtype == np.float16


def test_average_refuses_wrong_arguments_and_use(tmp_path: Path) -> None:
    for options, error, message in [
        ({"decay": 1.0}, ValueError, "decay must be at least 0 and less than 1, got 1.0"),
        ({"decay": "x"}, TypeError, "decay must be a number"),
        ({"every": 0}, ValueError, "every must be at least 1"),
        ({"start": -1}, ValueError, "start must be at least 0"),
        ({"network": 3}, TypeError, "network must be an nn.Module, got 3"),
    ]:
        with pytest.raises(error, match=f"AveragedWeights: {message}"):
            nn.AveragedWeights(**options)
    average = nn.AveragedWeights()
    for use in (
        average.update,
        average.copy_to_network,
        lambda: average.load_state_dict({}),
        average.applied().__enter__,
    ):
        with pytest.raises(RuntimeError, match=r"the network is not known yet\. Pass it"):
            use()
    network, _ = one_weight()
    average = nn.AveragedWeights(network)
    with average.applied():
        with pytest.raises(RuntimeError, match="has the average in place of its weights"):
            average.update()
        with pytest.raises(RuntimeError, match="has the average already"), average.applied():
            pass
    before = average.state_dict()
    for change, error, message in [
        ({"average.w": np.zeros(3)}, ValueError, r"average.w must be float64 of shape \(2,\)"),
        ({"average.w": np.zeros(2, "f")}, ValueError, "got float32"),
        ({"average.v": np.zeros(2)}, ValueError, r"unknown \['average.v'\]"),
        ({"steps": -1}, ValueError, "steps must be at least 0"),
    ]:
        with pytest.raises(error, match=message):
            average.load_state_dict(before | change)
    with pytest.raises(ValueError, match=r"missing \['updates'\]"):
        average.load_state_dict({name: value for name, value in before.items() if name != "updates"})
    assert_equal(list(before.values()), list(average.state_dict().values()))
    average.save(tmp_path / "average.safetensors")
    with pytest.raises(nn.LoadError, match="unknown"):
        nn.AveragedWeights(nn.Dense(1, 1)).load(tmp_path / "average.safetensors")
    model = make_model()
    model.save(tmp_path / "model.safetensors")
    with pytest.raises(nn.LoadError, match="holds 'model', not averages"):
        average.load(tmp_path / "model.safetensors")
