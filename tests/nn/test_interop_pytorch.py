"""Weights of PyTorch: the same outputs in both libraries, names, reports, and errors."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import nn
import tensorgrad as tg


def mlp(*widths: int, seed: int = 0, bias: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number, (inputs, neurons) in enumerate(pairwise(widths)):
        layers += [nn.Dense(inputs, neurons, bias=bias, rng=seed + number), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def state_of(rng: np.random.Generator, *widths: int, names: str = "{}", step: int = 2) -> dict[str, Any]:
    """Return the state dict of a PyTorch network of these widths."""
    state: dict[str, Any] = {}
    for number, (inputs, neurons) in enumerate(pairwise(widths)):
        name = names.format(step * number)
        state[f"{name}.weight"] = rng.normal(size=(neurons, inputs)).astype("f4")
        state[f"{name}.bias"] = rng.normal(size=neurons).astype("f4")
    return state


def assert_loaded(network: nn.Sequential, state: dict[str, Any]) -> None:
    dense = [layer for layer in network if isinstance(layer, nn.Dense)]
    arrays = list(state.values())
    for number, layer in enumerate(dense):
        np.testing.assert_array_equal(layer.weight.data, arrays[2 * number].T)
        np.testing.assert_array_equal(layer.bias.data, arrays[2 * number + 1])  # type: ignore[union-attr]


# -- against PyTorch --------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 5), min_size=2, max_size=5), st.booleans(), st.integers(0, 100))
def test_load_pytorch_gives_the_outputs_of_pytorch(widths: list[int], bias: bool, seed: int) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    torch.manual_seed(seed)
    layers: list[Any] = []
    for inputs, neurons in pairwise(widths):
        layers += [torch.nn.Linear(inputs, neurons, bias=bias), torch.nn.ReLU()]
    theirs = torch.nn.Sequential(*layers[:-1])
    network = mlp(*widths, bias=bias)
    assert nn.interop.load_pytorch(network, theirs.state_dict()).complete
    x = np.random.default_rng(seed).normal(size=(3, widths[0])).astype("f4")
    with torch.no_grad():
        np.testing.assert_allclose(network(x).data, theirs(torch.from_numpy(x)).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["pt", "protocol 4", "checkpoint", "safetensors", "npz", "compressed npz"])
def test_load_pytorch_reads_files(kind: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    torch.manual_seed(1)
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    state = theirs.state_dict()
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    path = tmp_path / "weights"
    if kind == "safetensors":
        save_file(arrays, path)
    elif kind.endswith("npz"):
        path = tmp_path / "weights.npz"
        (np.savez_compressed if "compressed" in kind else np.savez)(path, **arrays)
    else:
        optimizer = torch.optim.Adam(theirs.parameters())
        theirs(torch.ones(1, 3)).sum().backward()
        optimizer.step()
        arrays = {name: tensor.numpy() for name, tensor in state.items()}
        content = {"epoch": 3, "model": state, "optimizer": optimizer.state_dict(), "dtype": torch.float32}
        torch.save(content if kind == "checkpoint" else state, path, pickle_protocol=4 if "4" in kind else 2)
    network = mlp(3, 3, 2)
    assert str(nn.interop.load_pytorch(network, path)) == "4 loaded, 0 missing, 0 unused"
    assert_loaded(network, arrays)


def test_save_pytorch_writes_what_pytorch_loads(tmp_path: Path, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    load = pytest.importorskip("safetensors.torch").load_file
    network = mlp(3, 3, 2)
    nn.interop.save_pytorch(network, tmp_path / "back.safetensors")
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    theirs.load_state_dict(load(tmp_path / "back.safetensors"))
    x = rng.normal(size=(4, 3)).astype("f4")
    with torch.no_grad():
        np.testing.assert_allclose(theirs(torch.from_numpy(x)).numpy(), network(x).data, rtol=1e-5, atol=1e-6)


def test_load_state_dict_refuses_tensors_of_pytorch_whose_layout_may_differ() -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    network = mlp(3, 3)
    before = network.state_dict()
    with pytest.raises(TypeError, match=r"'0.weight' is a PyTorch tensor.* transposed.*load_pytorch"):
        network.load_state_dict(torch.nn.Sequential(torch.nn.Linear(3, 3)).state_dict())
    assert_loaded(network, {"weight": before["0.weight"].T, "bias": before["0.bias"]})


def test_load_pytorch_takes_tensors_of_every_dtype() -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    for dtype in (torch.float64, torch.float16, torch.bfloat16, torch.int64):
        weight = torch.tensor([[1.0, -2.0]]).to(dtype).requires_grad_(dtype.is_floating_point)
        layer = nn.Dense(2, 1)
        nn.interop.load_pytorch(layer, {"weight": weight, "bias": torch.zeros(1, dtype=dtype)})
        assert layer.weight.data.tolist() == [[1], [-2]]
        assert layer.weight.dtype == np.float32


def test_read_weights_reads_views_of_one_storage(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    base = torch.arange(24.0).reshape(4, 6)
    saved = {
        "transposed": base.T, "part": base[1:3, ::2], "scalar": base[2, 3], "empty": base[:0], "tied": base,
        "flags": torch.tensor([True, False]), "half": base.half(), "bfloat": base.bfloat16(),
        "unsigned": torch.tensor([1, 65535], dtype=torch.uint16),
        "nested": {"list": [1, 2.5, None, "text", (True,)], "size": base.shape, "device": torch.device("cpu")},
    }  # fmt: skip
    torch.save(saved, tmp_path / "views.pt")
    read = nn.interop.read_weights(tmp_path / "views.pt")
    for name, tensor in saved.items():
        if name != "nested":
            expected = tensor.float().numpy() if name == "bfloat" else tensor.numpy()
            np.testing.assert_array_equal(read[name], expected)
            assert read[name].dtype == expected.dtype
    assert read["nested"] == {"list": [1, 2.5, None, "text", (True,)], "size": (4, 6), "device": "cpu"}


def test_load_pytorch_whole_models_and_old_files_are_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    torch.save(torch.nn.Linear(2, 1), tmp_path / "model.pt")
    with pytest.raises(nn.LoadError, match=r"imports 'torch.nn.modules.linear.Linear'.*model.state_dict"):
        nn.interop.load_pytorch(nn.Dense(2, 1), tmp_path / "model.pt")
    torch.save({}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(nn.LoadError, match=r"PyTorch before 1.6"):
        nn.interop.load_pytorch(nn.Dense(2, 1), tmp_path / "old.pt")


def test_load_pytorch_reads_the_index_of_several_files(tmp_path: Path, rng: np.random.Generator) -> None:
    state, network = state_of(rng, 3, 3, 2), mlp(3, 3, 2)
    places = {name: f"model-{number % 2}.safetensors" for number, name in enumerate(state)}
    for place in set(places.values()):
        save_file({name: state[name] for name in state if places[name] == place}, tmp_path / place)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    assert nn.interop.load_pytorch(network, index).complete
    assert_loaded(network, state)
    for bad, match in [
        ({"weight_map": {"a": "../model-0.safetensors"}}, "other folders"),
        ({"weight_map": {"a": "model-0.safetensors"}}, "has no tensor 'a'"),
        ({"weight_map": {"a": index.name}}, "an index itself"),
        ({"weight_map": 7}, "damaged"),
        ({}, "not an index"),
    ]:
        index.write_text(json.dumps(bad))
        with pytest.raises(nn.LoadError, match=match):
            nn.interop.load_pytorch(network, index)


# -- layout and dtypes ------------------------------------------------------------------------------------


def test_load_pytorch_transposes_square_weights(rng: np.random.Generator) -> None:
    state, network = state_of(rng, 3, 3, 3), mlp(3, 3, 3)
    nn.interop.load_pytorch(network, state)
    assert_loaded(network, state)
    np.testing.assert_array_equal(network[0](np.eye(3, dtype="f4")).data, state["0.weight"].T + state["0.bias"])


@pytest.mark.parametrize("code", ["BF16", "F16", "F64"])
def test_load_pytorch_reads_safetensors_dtypes(code: str, tmp_path: Path) -> None:
    values = np.array([[1.0, -2.5], [0.0, 3.0]], "f4")
    if code == "BF16":
        raw = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    else:
        raw = values.astype({"F16": "<f2", "F64": "<f8"}[code]).tobytes()
    header = json.dumps({"weight": {"dtype": code, "shape": [2, 2], "data_offsets": [0, len(raw)]}}).encode()
    (tmp_path / "x").write_bytes(len(header).to_bytes(8, "little") + header + raw)
    layer = nn.Dense(2, 2, bias=False)
    nn.interop.load_pytorch(layer, tmp_path / "x")
    np.testing.assert_array_equal(layer.weight.data, values.T)


def test_load_pytorch_copies_and_keeps_the_dtype() -> None:
    weight, layer = np.ones((1, 2)), nn.Dense(2, 1, bias=False, dtype=np.float16)
    nn.interop.load_pytorch(layer, {"weight": weight})
    weight[:] = 5
    assert layer.weight.dtype == np.float16
    assert layer.weight.data.tolist() == [[1], [1]]
    with pytest.raises(nn.LoadError, match=r"'weight' has numbers too large for float16"):
        nn.interop.load_pytorch(layer, {"weight": np.full((1, 2), 1e30)})
    with pytest.raises(nn.LoadError, match="expected real numbers, got complex128"):
        nn.interop.load_pytorch(layer, {"weight": np.full((1, 2), 1j)})


# -- names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_load_pytorch_strips_prefixes_of_wrappers(prefix: str, rng: np.random.Generator) -> None:
    state, network = state_of(rng, 3, 4, 2), mlp(3, 4, 2)
    report = nn.interop.load_pytorch(network, {prefix + name: array for name, array in state.items()}, names="path")
    assert report.complete
    assert_loaded(network, state)


def test_load_pytorch_keeps_prefixes_that_the_network_has(rng: np.random.Generator) -> None:
    class Wrapper(nn.Module):
        def __init__(self) -> None:
            self.model = mlp(3, 4, 2)

    state, wrapper = state_of(rng, 3, 4, 2), Wrapper()
    assert nn.interop.load_pytorch(wrapper, {f"model.{name}": array for name, array in state.items()}).complete
    assert_loaded(wrapper.model, state)


@pytest.mark.parametrize("names", [None, "order"])
def test_load_pytorch_matches_by_order(names: Any, rng: np.random.Generator) -> None:
    state, network = state_of(rng, 3, 3, 3, 3, names="block.fc{}", step=5), mlp(3, 3, 3, 3)
    assert nn.interop.load_pytorch(network, state, names=names).complete
    assert_loaded(network, state)


def test_load_pytorch_by_order_is_not_guessed_from_sorted_files(tmp_path: Path, rng: np.random.Generator) -> None:
    first, second = state_of(rng, 3, 3, names="zebra"), state_of(rng, 3, 3, names="ape")
    save_file(first | second, tmp_path / "x.safetensors")
    network = mlp(3, 3, 3)
    before = network.state_dict()
    with pytest.raises(nn.LoadError, match=r"there is no tensor '0.weight'(.|\n)*pass names={"):
        nn.interop.load_pytorch(network, tmp_path / "x.safetensors")
    assert all(np.array_equal(network.state_dict()[name], array) for name, array in before.items())
    nn.interop.load_pytorch(network, tmp_path / "x.safetensors", names={"0": "zebra", "2": "ape"})
    assert_loaded(network, first | second)
    with pytest.warns(UserWarning, match="load_pytorch: .* lists its tensors by name, not by layer"):
        nn.interop.load_pytorch(network, tmp_path / "x.safetensors", names="order")
    assert_loaded(network, second | first)


def test_load_pytorch_by_order_reads_numbers_as_numbers(tmp_path: Path, rng: np.random.Generator) -> None:
    widths = [2] * 13
    state, network = state_of(rng, *widths, names="fc{}", step=1), mlp(*widths)
    save_file(state, tmp_path / "x.safetensors")
    assert nn.interop.load_pytorch(network, tmp_path / "x.safetensors").complete
    assert_loaded(network, state)


def test_load_pytorch_by_order_contradicts_no_name(rng: np.random.Generator) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            self.fc1, self.fc2 = nn.Dense(3, 3), nn.Dense(3, 3)

    state = state_of(rng, 3, 3, names="fc2") | state_of(rng, 3, 3, names="fc3")
    with pytest.raises(nn.LoadError, match=r"there is no tensor 'fc1.weight'"):
        nn.interop.load_pytorch(Two(), state)


@pytest.mark.parametrize(
    "names",
    [
        {"0": "enc.in", "2": "dec"},
        {"enc.in": "0", "dec": "2"},
        {"0.weight": "enc.in.weight", "0.bias": "enc.in.bias", "2": "dec"},
    ],
)
def test_load_pytorch_takes_names_of_layers_and_tensors(names: dict[str, str], rng: np.random.Generator) -> None:
    state = state_of(rng, 3, 3, names="enc.in") | state_of(rng, 3, 3, names="dec")
    network = mlp(3, 3, 3)
    assert nn.interop.load_pytorch(network, state, names=names).complete
    assert_loaded(network, state)


def test_load_pytorch_takes_names_of_modules_around_layers(rng: np.random.Generator) -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            self.encoder = mlp(3, 4, 2)

    state, network = state_of(rng, 3, 4, 2, names="bert.body.{}"), Encoder()
    nn.interop.load_pytorch(network, state, names={"encoder": "bert.body"})
    assert_loaded(network.encoder, state)


def test_load_pytorch_names_can_swap_layers(rng: np.random.Generator) -> None:
    state, network = state_of(rng, 3, 3, 3), mlp(3, 3, 3)
    nn.interop.load_pytorch(network, state, names={"0": "2", "2": "0"})
    np.testing.assert_array_equal(network.state_dict()["0.weight"], state["2.weight"].T)
    np.testing.assert_array_equal(network.state_dict()["2.weight"], state["0.weight"].T)


def test_load_pytorch_names_that_are_unknown_are_refused(rng: np.random.Generator) -> None:
    state, network = state_of(rng, 3, 3, 3), mlp(3, 3, 3)
    with pytest.raises(ValueError, match=r"names: the network has no module or tensor 'fc'"):
        nn.interop.load_pytorch(network, state, names={"fc": "1"})
    with pytest.raises(ValueError, match=r"names: there is no fc.weight or fc.bias, as '0' needs"):
        nn.interop.load_pytorch(network, state, names={"0": "fc"})
    with pytest.raises(ValueError, match=r"names must be 'path', 'order' or a mapping, got 'shape'"):
        nn.interop.load_pytorch(network, state, names="shape")  # type: ignore[arg-type]


# -- tied weights -----------------------------------------------------------------------------------------


class Tied(nn.Module):
    def __init__(self) -> None:
        self.first, self.second = nn.Dense(3, 3, rng=0), nn.Dense(3, 3, rng=1)
        self.second.weight = self.first.weight


def tied_state(rng: np.random.Generator) -> dict[str, Any]:
    weight = rng.normal(size=(3, 3)).astype("f4")
    return {"first.weight": weight, "first.bias": np.ones(3), "second.weight": weight, "second.bias": np.zeros(3)}


@pytest.mark.parametrize("left_out", [None, "first.weight", "second.weight"])
def test_load_pytorch_tied_weights_stay_tied(left_out: Any, rng: np.random.Generator) -> None:
    network, state = Tied(), tied_state(rng)
    weight = state["first.weight"]
    state.pop(left_out, None)
    assert str(nn.interop.load_pytorch(network, state)) == "3 loaded, 0 missing, 0 unused"
    assert network.first.weight is network.second.weight
    np.testing.assert_array_equal(network.first.weight.data, weight.T)


def test_load_pytorch_tied_weights_must_agree(rng: np.random.Generator) -> None:
    state = tied_state(rng) | {"second.weight": np.zeros((3, 3))}
    with pytest.raises(nn.LoadError, match=r"one tensor in two places.*'first.weight' and 'second.weight' differ"):
        nn.interop.load_pytorch(Tied(), state, strict=False)


def test_save_pytorch_writes_tied_weights_under_both_names(tmp_path: Path) -> None:
    network = Tied()
    nn.interop.save_pytorch(network, tmp_path / "x.safetensors")
    written = load_file(tmp_path / "x.safetensors")
    assert sorted(written) == ["first.bias", "first.weight", "second.bias", "second.weight"]
    np.testing.assert_array_equal(written["second.weight"], network.first.weight.data.T)
    assert nn.interop.load_pytorch(Tied(), tmp_path / "x.safetensors").complete


def test_load_pytorch_layer_in_two_places() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            self.a = nn.Dense(2, 2)
            self.b = self.a
            self.inner = [self]

    state = {f"{name}.{end}": np.ones(shape) for name in "ab" for end, shape in (("weight", (2, 2)), ("bias", 2))}
    assert nn.interop.load_pytorch(Twice(), state).loaded == ["a.weight", "a.bias"]


# -- what does not fit ------------------------------------------------------------------------------------


def test_load_pytorch_is_all_or_nothing(rng: np.random.Generator) -> None:
    network, state = mlp(3, 4, 2), state_of(rng, 3, 4, 5)
    before = network.state_dict()
    with pytest.raises(nn.LoadError):
        nn.interop.load_pytorch(network, state)
    assert all(np.array_equal(network.state_dict()[name], array) for name, array in before.items())


def test_load_pytorch_not_strict_reports(rng: np.random.Generator) -> None:
    network = mlp(3, 4, 2, 2)
    state = state_of(rng, 3, 4, 5) | {"extra.scale": np.ones(2)}
    before = network.state_dict()
    report = nn.interop.load_pytorch(network, state, strict=False)
    assert report.loaded == ["0.weight", "0.bias"]
    assert report.missing == ["4.weight", "4.bias"]
    assert report.unused == ["extra.scale"]
    assert report.wrong_shape == {"2.weight": ((2, 4), (5, 4)), "2.bias": ((2,), (5,))}
    assert str(report) == "2 loaded, 2 missing, 1 unused, 2 of another shape"
    after = network.state_dict()
    np.testing.assert_array_equal(after["0.weight"], state["0.weight"].T)
    assert all(np.array_equal(after[name], before[name]) for name in before if not name.startswith("0."))


def test_load_pytorch_errors_name_file_tensor_layer_shapes_and_cause(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "mlp.safetensors"
    save_file(state_of(rng, 3, 4, 5), path)
    with pytest.raises(nn.LoadError) as caught:
        nn.interop.load_pytorch(mlp(3, 4, 2), path)
    for part in (str(path), "layer 2, Dense(4, 2)", "'2.weight'", "(5, 4)", "(2, 4)", "other sizes", "strict=False"):
        assert part in str(caught.value)
    save_file({"weight": np.zeros((3, 4), "f4"), "bias": np.zeros(4, "f4")}, path)
    with pytest.raises(nn.LoadError, match=r"laid out as in tensorgrad or Keras"):
        nn.interop.load_pytorch(nn.Dense(3, 4), path)
    save_file({"weight": np.zeros((3, 4), "f4"), "bias": np.zeros(4, "f4")}, path)
    with pytest.raises(nn.LoadError, match=r"'bias' of shape \(4,\) is not used: Dense\(4, 3, bias=False\), has no"):
        nn.interop.load_pytorch(nn.Dense(4, 3, bias=False), path)


def test_load_pytorch_files_of_tensorgrad_are_refused(tmp_path: Path) -> None:
    model = nn.Model(mlp(3, 3, 3), loss=nn.MeanSquaredError())
    model.save_parameters(tmp_path / "own")
    with pytest.raises(nn.LoadError, match=r"written by tensorgrad.*model.load_parameters"):
        nn.interop.load_pytorch(model.network, tmp_path / "own")


def test_load_pytorch_wrong_arguments() -> None:
    model = nn.Model(mlp(3, 3), loss=nn.MeanSquaredError())
    with pytest.raises(TypeError, match=r"expected a module, got a Model. Pass model.network"):
        nn.interop.load_pytorch(model, {})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"expected a path or a mapping.*got the given int"):
        nn.interop.load_pytorch(model.network, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"Pass model.state_dict\(\)"):
        nn.interop.load_pytorch(model.network, mlp(3, 3))  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        nn.interop.load_pytorch(model.network, "missing.pt")
    with pytest.raises(nn.LoadError, match="found no tensors"):
        nn.interop.load_pytorch(model.network, {"epoch": 3})
    with pytest.raises(nn.LoadError, match=r"several state dicts, \['generator', 'critic'\]"):
        nn.interop.load_pytorch(model.network, {"generator": {"x": np.ones(1)}, "critic": {"x": np.ones(1)}})


def test_load_pytorch_takes_lists_of_numbers() -> None:
    layer = nn.Dense(2, 1)
    assert nn.interop.load_pytorch(layer, {"weight": [[1, 2]], "bias": [3.0], "name": "x", "epoch": 4}).complete
    assert layer.weight.data.tolist() == [[1], [2]]


def test_load_pytorch_parameters_of_own_modules_keep_their_layout() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            self.factor = tg.tensor(np.zeros((2, 2), np.float32), requires_grad=True)
            self.dense = {"a": nn.Dense(2, 2)}

    state = {"factor": np.arange(4.0).reshape(2, 2), "dense.a.weight": np.eye(2), "dense.a.bias": np.ones(2)}
    module = Scale()
    assert nn.interop.load_pytorch(module, state).complete
    assert module.factor.data.tolist() == [[0, 1], [2, 3]]


# -- flattened images -------------------------------------------------------------------------------------


def test_flatten_channels_first_fits_weights_of_pytorch() -> None:
    rng = np.random.default_rng(0)
    images, theirs = rng.normal(size=(5, 4, 3, 2)), {"1.weight": rng.normal(size=(6, 24)), "1.bias": rng.normal(size=6)}
    network = nn.Sequential(nn.Flatten(channels_first=True), nn.Dense(24, 6, dtype=np.float64))
    nn.interop.load_pytorch(network, theirs)
    in_pytorch = images.transpose(0, 3, 1, 2).reshape(5, 24) @ theirs["1.weight"].T + theirs["1.bias"]
    np.testing.assert_allclose(network(images).data, in_pytorch)
    with pytest.raises(TypeError, match="Flatten: channels_first must be True or False, got 1"):
        nn.Flatten(channels_first=1)  # type: ignore[arg-type]


def test_flatten_of_images_before_a_dense_layer_is_reported(tmp_path: Path) -> None:
    def network(pixels: int, channels_first: bool = False) -> nn.Module:
        features = nn.Sequential(nn.Conv2D(2, 6, 3), nn.ReLU())
        return nn.Sequential(features, nn.Flatten(channels_first=channels_first), nn.Dense(6 * pixels, 4))

    path = tmp_path / "weights.safetensors"
    with pytest.warns(UserWarning, match=r"save_pytorch: Dense\(54, 4\) follows a Flatten .*channels_first=True"):
        nn.interop.save_pytorch(network(9), path)
    with pytest.warns(UserWarning, match="load_pytorch: Dense"):
        nn.interop.load_pytorch(network(9), path)
    for other in (network(1), network(9, channels_first=True), nn.Sequential(nn.Flatten(), nn.Dense(3, 2))):
        nn.interop.save_pytorch(other, path)
        nn.interop.load_pytorch(other, path)
