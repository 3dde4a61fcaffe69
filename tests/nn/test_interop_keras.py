"""Weights of Keras: files that Keras wrote, and files in its formats made by h5py where Keras is not installed."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg


def weights(rng: np.random.Generator, *widths: int) -> list[np.ndarray]:
    """Kernels and biases as `model.get_weights()` returns them."""
    found = []
    for inputs, units in pairwise(widths):
        found += [rng.normal(size=(inputs, units)).astype("f4"), rng.normal(size=units).astype("f4")]
    return found


def mlp(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, neurons in pairwise(widths):
        layers += [nn.Dense(inputs, neurons, rng=0), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def assert_loaded(network: nn.Module, arrays: list[np.ndarray]) -> None:
    state = network.state_dict()
    assert len(state) == len(arrays)
    for array, expected in zip(state.values(), arrays):
        np.testing.assert_array_equal(array, expected)


# -- formats, without Keras -------------------------------------------------------------------------------


def written(h5py: Any, datasets: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for path, array in datasets.items():
            file[path] = array
    return buffer.getvalue()


def archived(path: Path, weights_file: bytes, *layers: tuple[str, str]) -> None:
    """Write a `.keras` file of layers with these classes and names."""
    config = {"config": {"layers": [{"class_name": kind, "config": {"name": name}} for kind, name in layers]}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights_file)


def layers_of(arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return the datasets of a Keras `Sequential` of dense layers."""
    paths = ["layers/dense" + (f"_{number}" if number else "") for number in range(len(arrays) // 2)]
    return {f"{path}/vars/{i}": arrays[2 * number + i] for number, path in enumerate(paths) for i in range(2)}


def test_load_keras_list_of_arrays(rng: np.random.Generator) -> None:
    arrays, network = weights(rng, 3, 3, 3), mlp(3, 3, 3)
    assert str(nn.interop.load_keras(network, arrays)) == "4 loaded, 0 missing, 0 unused"
    assert_loaded(network, arrays)
    with pytest.raises(nn.LoadError, match=r"tensor '4' of shape \(2,\) is not used"):
        nn.interop.load_keras(network, [*arrays, np.ones(2)])
    with pytest.raises(nn.LoadError, match="layer 2, Dense"):
        nn.interop.load_keras(network, arrays[:-1])


def test_load_keras_list_has_no_names(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="a list of arrays has no names"):
        nn.interop.load_keras(mlp(3, 3), weights(rng, 3, 3), names={"0": "dense"})


@pytest.mark.parametrize("pattern", ["dense_{}/{}", "sequential/dense_{}/{}", "dense_{}/{}:0", "dense_{}.{}"])
def test_load_keras_variables_by_name(pattern: str, rng: np.random.Generator) -> None:
    arrays, network = weights(rng, *[2] * 12), mlp(*[2] * 12)
    names = [pattern.format(7 + number // 2, ("kernel", "bias")[number % 2]) for number in range(len(arrays))]
    assert nn.interop.load_keras(network, dict(zip(names, arrays))).complete
    assert_loaded(network, arrays)


def test_load_keras_weights_file(tmp_path: Path, rng: np.random.Generator) -> None:
    h5py = pytest.importorskip("h5py")
    arrays, network = weights(rng, *[2] * 13), mlp(*[2] * 13)
    (tmp_path / "x.weights.h5").write_bytes(
        written(h5py, layers_of(arrays) | {"optimizer/vars/0": 3, "layers/dropout/seed_generator/vars/0": np.ones(2)})
    )
    assert nn.interop.load_keras(network, tmp_path / "x.weights.h5").complete
    assert_loaded(network, arrays)


def test_load_keras_archive_keeps_the_order_of_layers(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")

    class Scale(nn.Module):
        keras_layout = nn.interop.Layout({"factor": "scale"})

        def __init__(self) -> None:
            self.factor = tg.tensor(np.zeros(2, np.float32), requires_grad=True)

    class Mine(nn.Module):
        def __init__(self) -> None:
            self.one, self.two, self.three = nn.Dense(2, 2), Scale(), nn.Dense(2, 2, bias=False)

    datasets = {
        "layers/dense/vars/0": np.eye(2), "layers/dense/vars/1": np.ones(2), "layers/scale/vars/0": np.full(2, 3.0),
        "layers/dense_1/vars/0": np.full((2, 2), 4.0),
    }  # fmt: skip
    layers = [("Dense", "dense_4"), ("Scale", "scale"), ("Dense", "dense_5")]
    archived(tmp_path / "x.keras", written(h5py, datasets), *layers)
    read = nn.interop.read_weights(tmp_path / "x.keras")
    assert list(read) == [
        f"layers/{name}" for name in ("dense/vars/0", "dense/vars/1", "scale/vars/0", "dense_1/vars/0")
    ]
    network = Mine()
    assert nn.interop.load_keras(network, tmp_path / "x.keras").complete
    assert [array.flat[-1] for array in network.state_dict().values()] == [1, 1, 3, 4]


def test_load_keras_finds_layers_by_their_names(tmp_path: Path, rng: np.random.Generator) -> None:
    h5py = pytest.importorskip("h5py")

    class Mine(nn.Module):
        def __init__(self) -> None:
            self.head, self.body = nn.Dense(3, 3), nn.Dense(3, 3)

    arrays, path = weights(rng, 3, 3, 3), tmp_path / "x.keras"
    archived(path, written(h5py, layers_of(arrays)), ("Dense", "body"), ("Dense", "head"))
    network = Mine()
    nn.interop.load_keras(network, path)
    assert_loaded(network, arrays[2:] + arrays[:2])
    nn.interop.load_keras(network, path, names={"head": "body", "body": "layers/dense_1"})
    assert_loaded(network, arrays)


def test_load_keras_old_file(tmp_path: Path, rng: np.random.Generator) -> None:
    h5py = pytest.importorskip("h5py")
    arrays, network = weights(rng, 3, 3, 3), mlp(3, 3, 3)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["layer_names"] = np.array([b"zebra", b"dropout", b"ape"])
        file.create_group("dropout").attrs["weight_names"] = np.zeros(0)
        for name, (kernel, bias) in (("zebra", arrays[:2]), ("ape", arrays[2:])):
            group = file.create_group(name)
            group.attrs["weight_names"] = np.array([f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()])
            group[f"{name}/kernel:0"], group[f"{name}/bias:0"] = kernel, bias
    assert nn.interop.load_keras(network, tmp_path / "x.h5").complete
    assert_loaded(network, arrays)
    assert next(iter(nn.interop.read_weights(tmp_path / "x.h5"))) == "zebra/kernel"


def test_load_keras_old_file_with_lists_of_variable_length(tmp_path: Path, rng: np.random.Generator) -> None:
    h5py = pytest.importorskip("h5py")
    arrays, network = weights(rng, *[2] * 13), mlp(*[2] * 13)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = ["not read"]
        for number in range(12):
            name = f"dense_{number}" if number else "dense"
            root[f"{name}/sequential/{name}/kernel"] = arrays[2 * number]
            root[f"{name}/sequential/{name}/bias"] = arrays[2 * number + 1]
    assert nn.interop.load_keras(network, tmp_path / "x.h5").complete
    assert_loaded(network, arrays)


def test_load_keras_recurrent_cells_by_every_name(tmp_path: Path, rng: np.random.Generator) -> None:
    h5py = pytest.importorskip("h5py")

    class Recurrent(nn.Module):
        keras_layout = nn.interop.Layout(
            {"kernel": "cell.kernel", "recurrent": "cell.recurrent_kernel", "bias": "cell.bias"}, name="lstm"
        )

        def __init__(self) -> None:
            self.kernel, self.recurrent, self.bias = (
                tg.tensor(np.zeros(shape, np.float32), requires_grad=True) for shape in ((3, 8), (2, 8), (8,))
            )

    arrays = [rng.normal(size=shape).astype("f4") for shape in ((3, 8), (2, 8), (8,))]
    names = ["kernel", "recurrent_kernel", "bias"]
    sources: list[Any] = [arrays]
    patterns = ("lstm/lstm_cell/{}", "lstm_4/lstm_cell/{}:0", "rnn_1.{}")
    sources += [{pattern.format(name): array for name, array in zip(names, arrays)} for pattern in patterns]
    for number, path in enumerate(["layers/lstm/cell/vars/{}", "rnn/cell/vars/{}"]):
        file = tmp_path / f"{number}.weights.h5"
        file.write_bytes(written(h5py, {path.format(i): array for i, array in enumerate(arrays)}))
        sources.append(file)
    for source in sources:
        network = nn.Sequential(Recurrent())
        assert nn.interop.load_keras(network, source).complete
        assert_loaded(network, arrays)


def test_save_keras_reads_back(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    network, again = mlp(3, 3, 2), mlp(3, 3, 2)
    again[0].weight.data *= 0
    nn.interop.save_keras(network, tmp_path / "x.weights.h5")
    assert nn.interop.load_keras(again, tmp_path / "x.weights.h5").complete
    assert_loaded(again, list(network.state_dict().values()))


def test_load_keras_says_what_is_missing_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(nn.LoadError, match=r"needs h5py. Install it: pip install 'tensorgrad\[keras\]'"):
        nn.interop.load_keras(mlp(2, 2), tmp_path / "x.h5")
    with pytest.raises(nn.SaveError, match="need h5py"):
        nn.interop.save_keras(mlp(2, 2), tmp_path / "x.weights.h5")


def test_load_keras_refuses_files_of_pytorch(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("x/data.pkl", b"\x80\x02}.")
    with pytest.raises(nn.LoadError, match=r"a file of PyTorch. Load it with nn.interop.load_pytorch"):
        nn.interop.load_keras(mlp(2, 2), tmp_path / "x.pt")


def test_load_keras_mentions_transposed_weights() -> None:
    with pytest.raises(
        nn.LoadError, match=r"has shape \(3, 2\), expected \(2, 3\). It seems to be transposed, as in PyTorch"
    ):
        nn.interop.load_keras(nn.Dense(2, 3), {"kernel": np.ones((3, 2)), "bias": np.ones(3)})


# -- against Keras ----------------------------------------------------------------------------------------


from_keras = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
    "ignore:You are saving your model as an HDF5 file",
)


@pytest.fixture
def keras() -> Iterator[Any]:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    before = np.random.get_state()  # noqa: NPY002
    yield pytest.importorskip("keras", exc_type=ImportError)
    np.random.set_state(before)  # noqa: NPY002 - Keras seeds its own generators from it


def sources_of(model: Any, folder: Path) -> list[Any]:
    """Everything in which Keras can hand over the weights of a model."""
    model.save(folder / "x.keras")
    model.save_weights(folder / "x.weights.h5")
    model.save(folder / "x.h5")
    paths = [folder / "x.keras", folder / "x.weights.h5", folder / "x.h5"]
    return [*paths, model.get_weights(), {variable.path: variable for variable in model.weights}]


@from_keras
@pytest.mark.parametrize("seed", range(4))
def test_load_keras_gives_the_outputs_of_keras(keras: Any, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    widths = [int(width) for width in rng.integers(2, 5, rng.integers(2, 6))]
    model = keras.Sequential([keras.Input((widths[0],))])
    for width in widths[1:]:
        model.add(keras.layers.Dense(width, activation="tanh", bias_initializer="normal"))
        model.add(keras.layers.Dropout(0.1, seed=1))
    x = rng.normal(size=(5, widths[0])).astype("f4")
    expected = np.asarray(model.predict(x, verbose=0))
    for source in sources_of(model, tmp_path):
        layers = [each for pair in pairwise(widths) for each in (nn.Dense(*pair), nn.Tanh())]
        network = nn.Sequential(*layers)
        assert nn.interop.load_keras(network, source).complete
        np.testing.assert_allclose(network(x).data, expected, rtol=1e-5, atol=1e-6)


@from_keras
def test_load_keras_functional_models(keras: Any, tmp_path: Path, rng: np.random.Generator) -> None:
    class Mine(nn.Module):
        def __init__(self) -> None:
            self.left, self.right, self.last = nn.Dense(4, 4), nn.Dense(4, 4), nn.Dense(8, 2)

        def forward(self, x: Any) -> Any:
            return self.last(tg.concatenate([self.left(x), self.right(x)], axis=-1))

    inputs = keras.Input((4,))
    both = keras.layers.Concatenate()([keras.layers.Dense(4)(inputs), keras.layers.Dense(4)(inputs)])
    model = keras.Model(inputs, keras.layers.Dense(2)(both))
    x = rng.normal(size=(5, 4)).astype("f4")
    expected = np.asarray(model.predict(x, verbose=0))
    for source in sources_of(model, tmp_path):
        network = Mine()
        assert nn.interop.load_keras(network, source).complete
        np.testing.assert_allclose(network(x).data, expected, rtol=1e-5, atol=1e-6)


@from_keras
def test_save_keras_writes_what_keras_loads(keras: Any, tmp_path: Path, rng: np.random.Generator) -> None:
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(3, activation="tanh"), layers.Dropout(0.1), layers.Dense(2)]
    )
    network = mlp(3, 3, 2)
    network[0].bias.data = rng.normal(size=3)
    nn.interop.save_keras(network, tmp_path / "x.weights.h5")
    model.load_weights(tmp_path / "x.weights.h5")
    x = rng.normal(size=(5, 3)).astype("f4")
    np.testing.assert_allclose(np.asarray(model.predict(x, verbose=0)), network(x).data, rtol=1e-5, atol=1e-6)


@from_keras
def test_load_keras_half_precision(keras: Any, tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, dtype="bfloat16"), keras.layers.Dense(3, dtype="float16")]
    )
    for source in sources_of(model, tmp_path):
        network = nn.Sequential(nn.Dense(4, 3), nn.Dense(3, 3))
        nn.interop.load_keras(network, source)
        assert_loaded(network, [np.asarray(array).astype("f4") for array in model.get_weights()])
