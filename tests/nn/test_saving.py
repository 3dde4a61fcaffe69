"""Saving and loading: what comes back, what is refused, and that nothing is changed by what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as arrays_of
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

import nn
import tensorgrad as tg
from nn.saving import format as file_format
from nn.saving.build import Builder
from nn.saving.config import Describer, known_classes
from nn.saving.state import GENERATORS, generator_from_state, generator_state


class Residual(nn.Module):
    """x plus what layers make of it, and noise: makes a child and a generator in its own constructor."""

    def __init__(self, width: int, inner: nn.Module | None = None, *, rng: Any = None) -> None:
        self.width = width
        self.inner = inner
        self.dense = nn.Dense(width, width, rng=rng)
        self._noise = np.random.default_rng(rng)
        self.last: Any = None

    def forward(self, x: Any) -> Any:
        self.last = x
        noisy = x + self._noise.normal(size=x.shape) if self.training else x
        return noisy + self.dense(x if self.inner is None else self.inner(x))


class Block(nn.Module):
    """Makes all its layers itself, from two numbers."""

    def __init__(self, width: int, scale: Any = 1.0) -> None:
        self.width, self.scale = width, scale
        self.dense = nn.Dense(width, width, rng=0)
        self.dropout = nn.Dropout(0.5, rng=0)

    def forward(self, x: Any) -> Any:
        return self.dropout(self.dense(x)) * self.scale


class Noisy(nn.MeanSquaredError):
    """Keeps a generator that it made."""

    def __init__(self) -> None:
        self._noise = np.random.default_rng(5)

    def forward(self, predictions: Any, targets: Any) -> Any:
        return super().forward(predictions, targets + 0.01 * self._noise.normal(size=targets.shape))


class Running(nn.Module):
    """Keeps a tensor that is not trained, an array as an argument, and a factor of no axes."""

    state_names = ("mean",)

    def __init__(self, scale: Any, sizes: tuple[int, ...] = (), dtype: Any = np.float32, limit: float = 1.0) -> None:
        self.scale, self.sizes, self.dtype, self.limit = np.asarray(scale), sizes, dtype, limit
        self.mean = tg.tensor(np.zeros(3, np.float64))
        self.factor = tg.tensor(np.float32(1.0), requires_grad=True)

    def forward(self, x: Any) -> Any:
        return x * self.scale * self.factor


class Scaled(nn.Loss):
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def forward(self, predictions: Any, targets: Any) -> Any:
        return self.factor * tg.mean(tg.square(predictions - targets))


class Largest(nn.Metric):
    name = "largest"

    def measure(self, predictions: Any, targets: Any) -> Any:
        return np.abs(predictions - targets).max(axis=1)


def squared(predictions: Any, targets: Any) -> Any:
    return tg.mean(tg.square(predictions - targets))


def model_of(network: nn.Module, **options: Any) -> nn.Model:
    options = {"loss": nn.MeanSquaredError(), "optimizer": nn.Adam(network.parameters(), 0.01), "rng": 0} | options
    return nn.Model(network, **options)


def dense() -> nn.Sequential:
    return nn.Sequential(nn.Dense(3, 4, rng=0), nn.Tanh(), nn.Dense(4, 3, rng=1, weight_l1=1e-3, bias_l2=1e-3))


X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(8, 3)
Y = np.sin(X)


def trained(model: nn.Model, epochs: int = 3, **options: Any) -> nn.Model:
    model.fit(X, Y, epochs=epochs, batch_size=3, verbose=0, **options)
    return model


def assert_same_state(first: nn.Module, second: nn.Module) -> None:
    one, other = first.state_dict(), second.state_dict()
    assert list(one) == list(other)
    for name in one:
        assert one[name].dtype == other[name].dtype
        assert one[name].tobytes() == other[name].tobytes()


def assert_goes_on_the_same(model: nn.Model, again: nn.Model) -> None:
    trained(model, 5, resume=True)
    trained(again, 5, resume=True)
    assert_same_state(model.network, again.network)
    assert dict(model.history) == dict(again.history)
    assert list(model.history) == list(again.history)
    assert np.array_equal(model.predict(X), again.predict(X))


# -- what comes back --------------------------------------------------------------------------------------

OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda p: nn.SGD(p, 0.1, momentum=0.9, nesterov=True),
    "decayed": lambda p: nn.Adagrad(p, 0.1, decay=1e-2),
    "scheduled": lambda p: nn.RMSprop(p, nn.WarmUp(3, nn.StepDecay(0.01, 4)), rho=0.8),
    "centered": lambda p: nn.RMSprop(p, 0.01, momentum=0.9, centered=True, weight_decay=0.1),
    "amsgrad": lambda p: nn.Adam(p, 0.01, weight_decay=0.1, amsgrad=True),
    "nadam": lambda p: nn.NAdam(p, 0.01, momentum_decay=0.1),
    "lion": lambda p: nn.Lion(p, 0.01, weight_decay=0.1),
    "adamw": lambda p: nn.AdamW(p, nn.CosineDecay(0.02, 12, lowest=1e-3), weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_load_resumes_training_bit_for_bit(name: str, tmp_path: Path) -> None:
    network = nn.Sequential(*dense(), nn.Dropout(0.3, rng=7), nn.LeakyReLU(0.3))
    model = trained(model_of(network, optimizer=OPTIMIZERS[name](network.parameters())))
    model.save(tmp_path / "m.safetensors")
    again = nn.Model.load(tmp_path / "m.safetensors")
    assert repr(again) == repr(model)
    assert_goes_on_the_same(model, again)


def test_load_restores_a_shared_generator(tmp_path: Path) -> None:
    rng = np.random.RandomState(3)
    model = trained(model_of(nn.Sequential(nn.Dense(3, 3, rng=rng), nn.Dropout(0.5, rng=rng)), rng=rng))
    model.save(tmp_path / "m")
    again = nn.Model.load(tmp_path / "m")
    assert again.network[1].rng is again.rng  # type: ignore[index]
    assert_goes_on_the_same(model, again)


def test_load_restores_custom_classes_and_functions(tmp_path: Path) -> None:
    network = nn.Sequential(Residual(3, nn.Dense(3, 3, bias=False), rng=2), Running([2.0, 3.0, 4.0], (2, 3)))
    network[1].mean.data = np.array([1.0, 2.0, np.nan])
    metric = Largest()
    metric.name = "worst"
    model = trained(model_of(network, loss=Scaled(2.0), metrics=[metric]))
    model.save(tmp_path / "m")
    again = nn.Model.load(tmp_path / "m", custom=[Residual, Running, Scaled, Largest])
    running = again.network[1]  # type: ignore[index]
    assert (running.sizes, running.dtype, running.factor.shape) == ((2, 3), np.float32, ())
    assert again.metrics[0].name == "worst"
    assert_goes_on_the_same(model, again)

    model_of(dense(), loss=squared).save(tmp_path / "f")
    assert nn.Model.load(tmp_path / "f", custom=[squared]).loss is squared


def test_load_restores_generators_of_layers_created_by_a_module(tmp_path: Path) -> None:
    model = trained(model_of(Block(3), loss=Noisy()))
    model.save(tmp_path / "m")
    assert_goes_on_the_same(model, nn.Model.load(tmp_path / "m", custom=[Block, Noisy]))


@pytest.mark.parametrize("scale", [np.float32(0.1), np.float64("inf"), np.int8(3), np.bool_(True)])
def test_load_restores_numpy_scalars_with_their_dtype(scale: Any, tmp_path: Path) -> None:
    model_of(Block(3, scale)).save(tmp_path / "m")
    again: Any = nn.Model.load(tmp_path / "m", custom=[Block]).network
    assert type(again.scale) is type(scale)
    assert again.scale == scale


def test_load_restores_unusual_arguments(tmp_path: Path) -> None:
    layer = Running(1.0, dtype=np.dtype("f8"), limit=float("inf"))
    layer.sizes = {"deep": [(1, None), True], "ü": "x" * 3}  # type: ignore[assignment]
    model_of(layer).save(tmp_path / "m")
    again: Any = nn.Model.load(tmp_path / "m", custom=[Running]).network
    assert (again.sizes, again.dtype, again.limit) == (layer.sizes, np.float64, float("inf"))


def test_load_restores_a_shared_layer(tmp_path: Path) -> None:
    layer = nn.Dense(3, 3, rng=0)
    model_of(nn.Sequential(layer, nn.Sequential(nn.ReLU(), layer))).save(tmp_path / "m")
    again: Any = nn.Model.load(tmp_path / "m").network
    assert again[0] is again[1][1]


def test_load_keeps_frozen_parameters_that_can_be_unfrozen(tmp_path: Path) -> None:
    model = model_of(dense())
    model.network[0].weight.requires_grad = False  # type: ignore[index]
    trained(model).save(tmp_path / "m")
    again = nn.Model.load(tmp_path / "m")
    assert [n for n, _ in again.network.named_parameters()] == ["0.bias", "2.weight", "2.bias"]
    for each in (model, again):
        each.network[0].weight.requires_grad = True  # type: ignore[index]
    assert_goes_on_the_same(model, again)


class Pretrained(nn.Sequential):
    """Frozen when it is made."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(*layers)
        for parameter in self.parameters():
            parameter.requires_grad = False


def test_load_restores_parameters_unfrozen_after_construction(tmp_path: Path) -> None:
    network = Pretrained(nn.Dense(3, 3), nn.Dense(3, 3))
    network[1].weight.requires_grad = True
    trained(model_of(network)).save(tmp_path / "m")
    again = nn.Model.load(tmp_path / "m", custom=[Pretrained])
    assert [name for name, _ in again.network.named_parameters()] == ["1.weight"]


def test_load_restores_a_model_without_optimizer_and_parameters(tmp_path: Path) -> None:
    nn.Model(nn.Sequential(nn.ReLU()), loss=nn.Huber(2.0)).save(tmp_path / "m")
    again = nn.Model.load(tmp_path / "m")
    assert again.optimizer is None
    assert repr(again.loss) == "Huber(delta=2.0)"


def make(kind: Any) -> Any:
    """An object of each class, with few or no arguments."""
    w = tg.tensor([1.0], requires_grad=True)
    arguments = {
        nn.Dense: (2, 3), nn.Dropout: (0.1,), nn.StepDecay: (0.1, 2), nn.ExponentialDecay: (0.1, 2),
        nn.CosineDecay: (0.1, 2), nn.WarmUp: (2, 0.1),
        nn.WarmUpCosine: (0.1, 5, 2), nn.OneCycle: (0.1, 5),
    }  # fmt: skip
    return kind(*([w],) if issubclass(kind, nn.Optimizer) else arguments.get(kind, ()))


@pytest.mark.parametrize("name", known_classes())
def test_save_describes_every_class_of_nn(name: str) -> None:
    kind = known_classes()[name]
    try:
        thing = make(kind)
    except TypeError:
        pytest.skip(f"{name} needs arguments; its own tests save it")
    if isinstance(thing, nn.Optimizer):
        return  # saved with a network above
    described = Describer({}).describe(name, thing)
    again = Builder(known_classes(), {}, elements=100).build(json.loads(json.dumps(described)))
    assert type(again) is kind
    assert repr(again) == repr(thing)


@pytest.mark.parametrize("kind", [*GENERATORS, "RandomState"])
def test_load_restores_the_state_of_every_generator(kind: str) -> None:
    source: Any = np.random.RandomState(1) if kind == "RandomState" else np.random.Generator(GENERATORS[kind](1))
    source.normal(size=3)
    again: Any = generator_from_state(json.loads(json.dumps(generator_state(source))))
    assert np.array_equal(source.normal(size=1000), again.normal(size=1000))


# -- parameters alone -------------------------------------------------------------------------------------


def test_load_parameters_reads_what_save_parameters_wrote(tmp_path: Path) -> None:
    first, second = trained(model_of(dense())), model_of(dense())
    first.save_parameters(tmp_path / "p")
    first.save(tmp_path / "m")
    for name in ("p", "m"):
        second.network.load_state_dict(dense().state_dict())
        second.load_parameters(tmp_path / name)
        assert_same_state(first.network, second.network)
    assert sorted(load_file(tmp_path / "p")) == sorted(first.network.state_dict())
    with pytest.raises(nn.LoadError, match="contains only parameters"):
        nn.Model.load(tmp_path / "p")


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Sequential(nn.Dense(3, 4), nn.Dense(4, 3)), "no tensor '1.weight', '1.bias'"),
        (nn.Sequential(nn.Dense(3, 4)), "the network has no tensor '2.bias', '2.weight'"),
        (nn.Sequential(nn.Dense(3, 5), nn.Tanh(), nn.Dense(5, 3)), r"'0.weight' is float32 \(3, 4\), but .* \(3, 5\)"),
        (nn.Sequential(nn.Dense(3, 4), nn.Tanh(), nn.Dense(4, 3, dtype="f8")), "'2.weight' is float32 .* float64"),
    ],
)
def test_load_parameters_of_another_network_changes_nothing(network: Any, message: str, tmp_path: Path) -> None:
    model_of(dense()).save_parameters(tmp_path / "file.st")
    before = network.state_dict()
    with pytest.raises(nn.LoadError, match=f"file.st.*{message}"):
        model_of(network).load_parameters(tmp_path / "file.st")
    assert all(np.array_equal(network.state_dict()[name], before[name]) for name in before)


@pytest.mark.slow
@given(
    arrays_of.arrays(
        st.sampled_from([np.dtype(d) for d in ("f2", "f4", ">f4", "f8", "i1", "u2", ">i8", "?")]),
        arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
        elements={"allow_nan": True},
    ),
    st.randoms(use_true_random=False),
)
def test_save_writes_arrays_of_any_memory_layout(array: Any, random: Any) -> None:
    axes = list(range(array.ndim))
    random.shuffle(axes)
    array = array.transpose(axes)[tuple(slice(None, None, random.choice([1, -1, 2])) for _ in axes)]
    path = Path(os.environ["PYTEST_SAVING_FOLDER"], "a")
    file_format.write(path, {"a": array}, {})
    found = file_format.read(path)[0]["a"]
    assert (found.shape, found.dtype) == (array.shape, array.dtype.newbyteorder("="))
    assert found.tobytes() == array.astype(found.dtype).tobytes()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_SAVING_FOLDER", str(tmp_path))


# -- what is refused --------------------------------------------------------------------------------------


class Forgets(nn.Module):
    def __init__(self, width: int, slope: float = 0.1) -> None:
        self.dense = nn.Dense(width, width)
        self.width = width

    def forward(self, x: Any) -> Any:
        return self.dense(x)


class Derived(nn.Dense):
    """Its constructor differs from that which Dense.settings speaks for."""

    def __init__(self, width: int, slope: float = 0.1) -> None:
        super().__init__(width, width)
        self.width = width


class Lies(Forgets):
    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.width = 2 * width


class Halves(nn.ReLU):
    def __init__(self, slope: float) -> None:
        self.slope = slope / 2


class Appends(nn.ReLU):
    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = (*sizes, 0)


class Fourier(nn.Module):
    """Draws constants when it is made, which no file would have."""

    def __init__(self, rng: Any = None) -> None:
        self.waves = np.random.default_rng(rng).normal(size=(3, 3))
        self.dense = nn.Dense(3, 3)

    def forward(self, x: Any) -> Any:
        return self.dense(tg.sin(x @ self.waves))


def changed_inside(rate: float) -> nn.Module:
    block = Block(3)
    block.dropout.rate = rate
    return nn.Sequential(block)


def replaced_inside() -> nn.Module:
    block = Block(3)
    block.dropout = nn.Identity()  # type: ignore[assignment]
    return block


def tied() -> nn.Module:
    network = nn.Sequential(nn.Dense(3, 3, bias=False), nn.Dense(3, 3, bias=False))
    network[1].weight = network[0].weight
    return network


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda: Forgets(3), "the constructor of Forgets takes 'slope', .* no attribute of that name"),
        (lambda: Derived(3), "Derived takes 'slope'"),
        (lambda: nn.Sequential(nn.ReLU(), Lies(3)), r"tensor '1.dense.weight' is float32 \(3, 3\), .* \(6, 6\)"),
        (
            lambda: nn.Sequential(nn.Dense(3, 3), Halves(1.0)),
            r"layer 1 is Halves .*0\.5.* would be Halves .*0\.25",
        ),
        (
            lambda: nn.Sequential(nn.Dense(3, 3), Appends(())),
            r"layer 1 is Appends .*\[0\].* would be Appends .*\[0, 0\]",
        ),
        (lambda: Fourier(), "Fourier.waves would have different values"),
        (lambda: Running([1.0], limit=lambda: 0), r"Running.limit is <function .*<lambda>"),  # type: ignore[arg-type]
        (lambda: Running([1.0], limit=nn.ReLU().forward), "Running.limit is <bound method"),  # type: ignore[arg-type]
        (tied, r"no tensor '1.weight'.* 0\.weight and 1\.weight are the same parameter"),
        (lambda: changed_inside(0.25), r"layer 0\.dropout is Dropout .*0\.25.*, but would be Dropout .*0\.5"),
        (replaced_inside, "layer dropout is Identity.*, but would be Dropout"),
    ],
)
def test_save_rejects_models_that_loading_would_change(network: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_text("old")
    model = model_of(network())
    with pytest.raises(nn.SaveError, match=rf"m\.safetensors.*{message}"):
        model.save(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["m.safetensors"]
    model.save_parameters(path)
    model.load_parameters(path)


def test_save_rejects_a_loss_without_a_name(tmp_path: Path) -> None:
    with pytest.raises(nn.SaveError, match=r"loss is <function .*, which cannot be saved"):
        model_of(dense(), loss=lambda p, t: tg.mean(p - t)).save(tmp_path / "m")


def test_load_rejects_unknown_classes(tmp_path: Path) -> None:
    model_of(Residual(3)).save(tmp_path / "m")
    with pytest.raises(nn.LoadError, match=r"Residual is unknown.*custom=\[Residual\]"):
        nn.Model.load(tmp_path / "m")
    with pytest.raises(TypeError, match="custom must be a list"):
        nn.Model.load(tmp_path / "m", custom=Residual)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="custom: expected classes"):
        nn.Model.load(tmp_path / "m", custom=[Residual(3)])
    with pytest.raises(ValueError, match="two objects are named 'Residual'"):
        nn.Model.load(tmp_path / "m", custom=[Residual, type("Residual", (nn.Module,), {})])


def test_save_rejects_dtypes_that_the_format_lacks(tmp_path: Path) -> None:
    if np.longdouble == np.float64:
        pytest.skip("a long double is a double here")
    with pytest.raises(nn.SaveError, match="'weight': safetensors files do not support dtype"):
        model_of(nn.Dense(2, 2, dtype=np.longdouble)).save_parameters(tmp_path / "m")
    assert os.listdir(tmp_path) == []


def test_load_rejects_folders_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        nn.Model.load(tmp_path / "none")
    with pytest.raises(nn.LoadError, match="not a file"):
        nn.Model.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        model_of(dense()).save(tmp_path / "none" / "m")


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_save_keeps_the_permissions_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "m").touch()
    (tmp_path / "m").chmod(0o640)
    model_of(dense()).save(tmp_path / "m")
    assert (tmp_path / "m").stat().st_mode & 0o777 == 0o640


def test_save_keeps_links(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    model_of(dense()).save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").exists()
