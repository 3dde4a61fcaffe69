"""Damaged and hostile files: refused with one exception that names the file, and without much memory."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import re
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from nn.saving import format as file_format
from nn.saving.build import Builder


@pytest.fixture
def model() -> nn.Model:
    network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Dropout(0.1, rng=1))
    optimizer = nn.SGD(network.parameters(), momentum=0.9)
    return nn.Model(network, loss=nn.MeanSquaredError(), optimizer=optimizer, metrics=[nn.RegressionAccuracy()], rng=0)


@pytest.fixture
def saved(model: nn.Model, tmp_path: Path) -> bytes:
    model.save(tmp_path / "good")
    return (tmp_path / "good").read_bytes()


def assert_refused(content: bytes, path: Path, model: nn.Model) -> None:
    """By `load`, and by `load_parameters`, which then changes nothing."""
    path.write_bytes(content)
    before = model.network.state_dict()
    for load in (nn.Model.load, model.load_parameters):
        with pytest.raises(nn.LoadError, match=re.escape(str(path))):
            load(path)
    assert all(np.array_equal(value, before[name]) for name, value in model.network.state_dict().items())


def header_length(content: bytes) -> int:
    return int.from_bytes(content[:8], "little")


@pytest.mark.slow
def test_load_rejects_files_truncated_in_the_header(model: nn.Model, saved: bytes, tmp_path: Path) -> None:
    for end in range(8 + header_length(saved) + 1):
        assert_refused(saved[:end], tmp_path / "cut", model)


def test_load_rejects_files_with_missing_or_extra_bytes_in_tensors(
    model: nn.Model, saved: bytes, tmp_path: Path
) -> None:
    for end in range(8 + header_length(saved), len(saved)):
        assert_refused(saved[:end], tmp_path / "cut", model)
    assert_refused(saved + b"\0", tmp_path / "longer", model)
    assert_refused(saved + saved, tmp_path / "twice", model)


@pytest.mark.slow
def test_load_rejects_files_with_any_changed_byte(
    model: nn.Model, saved: bytes, tmp_path: Path, rng: np.random.Generator
) -> None:
    for place in range(len(saved)):
        damaged = bytearray(saved)
        damaged[place] ^= int(rng.integers(1, 256))
        assert_refused(bytes(damaged), tmp_path / "flipped", model)


def archive() -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as opened:
            opened.writestr("data.pkl", pickle.dumps({"weight": 1}))
        return file.getvalue()


class Attack:
    """Would make a folder, if anybody unpickled it."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.target),)


def test_load_rejects_files_of_other_formats(model: nn.Model, tmp_path: Path, rng: np.random.Generator) -> None:
    attack = pickle.dumps(Attack(tmp_path / "attacked"))
    npz = io.BytesIO()
    np.savez(npz, weight=np.ones((2, 3)))
    others = [b"", b"\0" * 8, b"\0" * 1000, b"\xff" * 1000, attack, attack * 100, archive(), npz.getvalue(), b"{}" * 99]
    others += [rng.bytes(int(size)) for size in rng.integers(1, 3000, size=200)]
    for content in others:
        assert_refused(content, tmp_path / "other", model)
    assert not (tmp_path / "attacked").exists()
    with pytest.raises(nn.LoadError, match="possibly a pickle"):
        assert nn.Model.load(written(tmp_path / "pickle", attack * 100))
    with pytest.raises(nn.LoadError, match="a zip archive"):
        nn.Model.load(written(tmp_path / "zip", archive()))


def test_load_rejects_safetensors_files_of_other_programs(model: nn.Model, tmp_path: Path) -> None:
    from safetensors.numpy import save

    with pytest.raises(nn.LoadError, match=r"not written by tensorgrad.*load_state_dict"):
        model.load_parameters(written(tmp_path / "other", save(model.network.state_dict())))


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# -- files with a right checksum, made to do harm ---------------------------------------------------------


SUM = "0" * 64
RIGHT = '{"version":1,"sha256":"SUM","content":"parameters"}'


def forged(header: str, tensors: bytes = b"") -> bytes:
    """Return a file with this header, in which SUM is replaced by the right checksum."""
    unsigned = header.replace("SUM", SUM).encode()
    content = len(unsigned).to_bytes(8, "little") + unsigned + tensors
    return content.replace(SUM.encode(), hashlib.sha256(content).hexdigest().encode(), 1)


def header(entries: str, document: str = RIGHT) -> str:
    return f'{{"__metadata__":{{"tensorgrad":{json.dumps(document)}}}{entries}}}'


ENTRY = ',"%s":{"dtype":"%s","shape":%s,"data_offsets":%s}'
WEIGHT = ENTRY % ("0.weight", "F32", "[2,3]", "[0,24]")
BIAS = ENTRY % ("0.bias", "F32", "[3]", "[24,36]")

FORGED = {
    "overlapping": header(ENTRY % ("0.weight", "F32", "[2,3]", "[0,24]") + ENTRY % ("0.bias", "F32", "[3]", "[20,32]")),
    "with a hole": header(ENTRY % ("0.weight", "F32", "[2,3]", "[0,24]") + ENTRY % ("0.bias", "F32", "[3]", "[26,38]")),
    "beyond the end": header(WEIGHT + ENTRY % ("0.bias", "F32", "[3000]", "[24,12024]")),
    "another size": header(WEIGHT + ENTRY % ("0.bias", "F32", "[30]", "[24,36]")),
    "overflowing": header(WEIGHT + ENTRY % ("0.bias", "F32", f"[{2**62},{2**62}]", "[24,36]")),
    "negative": header(WEIGHT + ENTRY % ("0.bias", "F32", "[-3]", "[24,36]")),
    "unknown dtype": header(WEIGHT + ENTRY % ("0.bias", "Q32", "[3]", "[24,36]")),
    "bfloat": header(WEIGHT + ENTRY % ("0.bias", "BF16", "[6]", "[24,36]")),
    "twice": header(WEIGHT + BIAS + BIAS),
    "metadata twice": header(WEIGHT + BIAS + ',"__metadata__":{}'),
    "deep": header(WEIGHT + BIAS, '{"sha256":"SUM","version":' + "[" * 100_000 + "1"),
    "deep header": header(WEIGHT + BIAS + ',"x":' + "[" * 100_000),
    "a long number": header(WEIGHT + BIAS, '{"sha256":"SUM","version":' + "9" * 100_000 + "}"),
    "no version": header(WEIGHT + BIAS, '{"sha256":"SUM"}'),
    "a newer version": header(WEIGHT + BIAS, '{"sha256":"SUM","version":2}'),
    "no object": header(WEIGHT + BIAS, '["sha256",{"sha256":"SUM"}]'),
    "not parameters": header(WEIGHT + BIAS, '{"sha256":"SUM","version":1,"content":[]}'),
    "no JSON": header(WEIGHT + BIAS) + "}",
}


def test_load_accepts_a_valid_forged_header(model: nn.Model, tmp_path: Path) -> None:
    model.load_parameters(written(tmp_path / "right", forged(header(WEIGHT + BIAS), bytes(36))))
    assert not model.network.state_dict()["0.weight"].any()


@pytest.mark.parametrize("name", FORGED)
def test_load_rejects_forged_headers(name: str, model: nn.Model, tmp_path: Path) -> None:
    assert_refused(forged(FORGED[name], bytes(36)), tmp_path / "forged", model)


def test_load_rejects_wrong_header_lengths(model: nn.Model, tmp_path: Path) -> None:
    for length in (2**64 - 1, 2**63, 2**40, 37, 10):
        assert_refused(length.to_bytes(8, "little") + b"{" + b" " * 20, tmp_path / "long", model)
    large = tmp_path / "large"
    with large.open("wb") as file:  # a hole of 8 GB, which would not fit into memory
        file.write((2**32).to_bytes(8, "little"))
        file.truncate(2**33)
    assert peak_memory(lambda: refused(large)) < 2_000_000


def refused(path: Path) -> None:
    with pytest.raises(nn.LoadError):
        nn.Model.load(path)


def peak_memory(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def changes(document: Any) -> Iterator[tuple[str, Any]]:
    """Harmful changes of a good document, by what they try."""

    def changed(change: Callable[[Any], object]) -> Any:
        copy = json.loads(json.dumps(document))
        change(copy)
        return copy

    def layer(copy: Any) -> Any:
        return copy["objects"]["network"]["arguments"]["layers"]["tuple"][0]

    def layers(copy: Any) -> Any:
        return copy["objects"]["network"]["arguments"]["layers"]["tuple"]

    def many_large(copy: Any) -> Any:
        return {"class": "nn.Dense", "arguments": {"inputs": 999, "neurons": 999}}

    def doubled(copy: Any) -> None:
        """Each `Sequential` holds the one before it twice; those before it were numbered as they end."""
        nested: Any = {"class": "nn.Sequential", "arguments": {"layers": {"tuple": [layer(copy)]}}}
        for level in range(30):
            again = {"again": level + 1}  # the layer is number 0
            nested = {"class": "nn.Sequential", "arguments": {"layers": {"tuple": [nested, again]}}}
        copy["objects"]["network"]["arguments"]["layers"]["tuple"] = [nested, dropout(copy)]

    def dropout(copy: Any) -> Any:
        return copy["objects"]["network"]["arguments"]["layers"]["tuple"][1]

    yield "huge", changed(lambda d: layer(d)["arguments"].update(inputs=10**5, neurons=10**5))
    yield "huge and thin", changed(lambda d: layer(d)["arguments"].update(inputs=1, neurons=10**9))
    large = {"inputs": 4000, "neurons": 4000}
    yield "huge without initialiser", changed(lambda d: layer(d)["arguments"].update(large, weight_init=None))
    yield (
        "huge with an own one",
        changed(lambda d: layer(d)["arguments"].update(large, weight_init={"name": "harmless"})),
    )
    yield "many large ones", changed(lambda d: layers(d).extend([many_large(d)] * 60))
    yield "large in a tuple", changed(lambda d: layer(d)["arguments"].update(inputs={"tuple": [10**12]}))
    yield "a large scalar", changed(lambda d: layer(d)["arguments"].update(inputs={"scalar": 10**12, "of": "int64"}))
    yield "itself twice, thirty times", changed(doubled)
    for dtype in ("(2,", "(2,3)f4", "f4,f4", "", "S99999999999", "O", "M8[", "f" * 10_000, "<", "datetime64[0s]"):
        yield f"dtype {dtype[:9]}", changed(lambda d, t=dtype: layer(d)["arguments"].update(dtype={"dtype": t}))
        yield f"text {dtype[:9]}", changed(lambda d, t=dtype: layer(d)["arguments"].update(dtype=t))
        yield (
            f"scalar of {dtype[:9]}",
            changed(lambda d, t=dtype: dropout(d)["arguments"].update(rate={"scalar": 0.5, "of": t})),
        )
    yield "another width", changed(lambda d: layer(d)["arguments"].update(neurons=2))
    yield "text for a number", changed(lambda d: layer(d)["arguments"].update(inputs="2"))
    yield "unknown argument", changed(lambda d: layer(d)["arguments"].update(evil=1))
    yield "a class from elsewhere", changed(lambda d: layer(d).update({"class": "os.system"}))
    yield "a built-in", changed(lambda d: layer(d).update({"class": "eval", "arguments": {"source": "1"}}))
    yield "a function as class", changed(lambda d: layer(d).update({"class": "harmless", "arguments": {}}))
    yield "a base class", changed(lambda d: layer(d).update({"class": "nn.Module", "arguments": {}}))
    yield "a loss as layer", changed(lambda d: layer(d).update({"class": "nn.Huber", "arguments": {}}))
    yield "an unknown word", changed(lambda d: layer(d)["arguments"].update(inputs={"eval": "1"}))
    yield "again, too early", changed(lambda d: layer(d)["arguments"].update(inputs={"again": 99}))
    yield "again, negative", changed(lambda d: layer(d)["arguments"].update(inputs={"again": -1}))
    yield "an unknown tensor", changed(lambda d: layer(d)["arguments"].update(inputs={"tensor": "x"}))
    yield "an unknown array", changed(lambda d: layer(d)["arguments"].update(inputs={"array": "x"}))
    yield "a bad dtype", changed(lambda d: layer(d)["arguments"].update(dtype={"dtype": "nonsense"}))
    yield "another generator", changed(lambda d: d["objects"]["rng"]["generator"].update(bit_generator="os"))
    yield "no state", changed(lambda d: d["objects"]["rng"]["generator"].pop("state"))
    yield "a state out of range", changed(lambda d: d["objects"]["rng"]["generator"]["state"].update(state=-1))
    yield "no generator", changed(lambda d: d["objects"].update(rng=3))
    yield "dropout beyond 1", changed(lambda d: dropout(d)["arguments"].update(rate=2))
    yield "attributes", changed(lambda d: dropout(d).update(attributes={"forward": {"again": 0, "x": 1}, "rate": []}))
    yield "a generator for another attribute", changed(lambda d: d["generators"]["network.1"].update(rate={"again": 1}))
    yield "a number as generator", changed(lambda d: d["generators"]["network.1"].update(rng=3))
    yield "a generator of nobody", changed(lambda d: d["generators"].update({"network.7": {}}))
    yield "generators that are none", changed(lambda d: d.update(generators=[1]))
    yield "a setting too large", changed(lambda d: d["optimizer_state"].update(decay=10**400))
    yield "a number as name", changed(lambda d: d.update(metric_names=[5]))
    yield "a scalar of no dtype", changed(lambda d: dropout(d)["arguments"].update(rate={"scalar": 0.5, "of": "O"}))
    yield "a scalar too large", changed(lambda d: dropout(d)["arguments"].update(rate={"scalar": 10**400, "of": "f8"}))
    yield "no loss", changed(lambda d: d["objects"].pop("loss"))
    yield "a number as loss", changed(lambda d: d["objects"].update(loss=3))
    yield "a number as network", changed(lambda d: d["objects"].update(network=3))
    yield "no objects", changed(lambda d: d.update(objects=[]))
    yield "too many names", changed(lambda d: d.update(metric_names=["a", "b"]))
    yield "names of a metric that is none", changed(lambda d: d["objects"].update(metrics={"tuple": [3]}))
    yield "no step count", changed(lambda d: d["optimizer_state"].pop("iterations"))
    yield "negative steps", changed(lambda d: d["optimizer_state"].update(iterations=-1))
    yield "momentum", changed(lambda d: d["optimizer_state"].update(momentum=7.0))
    yield "history", changed(lambda d: d.update(history=["loss"]))
    yield "deep", changed(lambda d: layer(d)["arguments"].update(inputs=deep(400)))


def deep(levels: int) -> Any:
    found: Any = 1
    for _ in range(levels):
        found = [found]
    return found


RUN: list[str] = []


def harmless() -> None:
    RUN.append("a file made it run")


def test_load_rejects_forged_descriptions(model: nn.Model, saved: bytes, tmp_path: Path) -> None:
    tensors, document = file_format.read(tmp_path / "good")
    del document["sha256"], document["version"]
    file_format.write(tmp_path / "same", tensors, document)
    assert repr(nn.Model.load(tmp_path / "same")) == repr(model)
    for name, change in changes(document):
        path = tmp_path / name
        file_format.write(path, tensors, change)

        def load(path: Path = path) -> None:
            with pytest.raises(nn.LoadError) as caught:
                nn.Model.load(path, custom=[harmless])
            assert str(path) in str(caught.value)

        assert peak_memory(load) < 5_000_000, name
    assert RUN == []


@pytest.mark.parametrize(("value", "dtype"), [([0.5], "f8"), ("7", "i8"), (None, "f8"), (7, "U5"), (7, "nonsense")])
def test_builder_rejects_invalid_scalars(value: Any, dtype: str) -> None:
    with pytest.raises(ValueError, match=r"expected a number of dtype|unknown dtype"):
        Builder({}, {}, elements=0).build({"scalar": value, "of": dtype})


@pytest.mark.parametrize("place", [-1, 625, 10**6, "1", None])
def test_load_rejects_generator_states_beyond_their_buffer(place: Any, model: nn.Model, tmp_path: Path) -> None:
    model.rng = np.random.Generator(np.random.MT19937(0))
    model.save(tmp_path / "good")
    tensors, document = file_format.read(tmp_path / "good")
    document["objects"]["rng"]["generator"]["state"]["pos"] = place
    del document["sha256"], document["version"]
    file_format.write(tmp_path / "bad", tensors, document)
    with pytest.raises(nn.LoadError, match="random generator"):
        nn.Model.load(tmp_path / "bad")


@pytest.mark.parametrize("name", ["network.0.weight", "optimizer.velocity.0"])
def test_load_rejects_tensors_that_do_not_fit(name: str, model: nn.Model, saved: bytes, tmp_path: Path) -> None:
    tensors, document = file_format.read(tmp_path / "good")
    del document["sha256"], document["version"]
    good = tensors[name]
    for number, bad in enumerate((good.astype(np.float64), good.T, good[:1], None)):
        changed = {**tensors, name: bad}
        if bad is None:
            del changed[name]
        file_format.write(tmp_path / f"{number}", changed, document)
        with pytest.raises(nn.LoadError, match=name.partition(".")[2]):
            nn.Model.load(tmp_path / f"{number}")
    for extra in ("extra.0", "settings.9", "history.more", "network", "network.7.weight", "optimizer.velocity.7"):
        file_format.write(tmp_path / "more", {**tensors, extra: good}, document)
        with pytest.raises(nn.LoadError, match=rf"{extra.removeprefix('network.').removeprefix('optimizer.')}'"):
            nn.Model.load(tmp_path / "more")


@pytest.mark.slow
def test_load_rejects_too_many_layers_before_creating_any(
    saved: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors, document = file_format.read(tmp_path / "good")
    del document["sha256"], document["version"]
    layers = document["objects"]["network"]["arguments"]["layers"]["tuple"]
    relu = {"class": "nn.ReLU", "arguments": {}}
    short = {"class": 1}  # one bracket each
    for name, added in (("long", [relu] * 150_000), ("short", [short] * 50_000)):
        layers[2:] = added
        file_format.write(tmp_path / name, tensors, document)

    def refuse(self: Builder, described: Any) -> None:
        raise AssertionError("something was made")

    monkeypatch.setattr(Builder, "build", refuse)
    for name in ("long", "short"):
        with pytest.raises(nn.LoadError, match=rf"{name}: the description has .*20,000"):
            nn.Model.load(tmp_path / name)


def test_load_accepts_many_references_to_one_layer(tmp_path: Path) -> None:
    layer = nn.Sequential(nn.ReLU(), nn.Tanh())
    nn.Model(nn.Sequential(*[layer] * 1000), loss=nn.MeanSquaredError()).save(tmp_path / "m")
    assert len(nn.Model.load(tmp_path / "m").network) == 1000  # type: ignore[arg-type]
    with pytest.raises(nn.SaveError, match="more than 20,000 layers"):
        nn.Model(nn.Sequential(*[layer] * 10_000), loss=nn.MeanSquaredError()).save(tmp_path / "m")


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """All containers in a description, with the keys of what is in them."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(value, (dict, list)):
            yield from places(value)


ODD: list[Any] = [
    None, True, -1, 10**30, 1e308, "", "(2,", "nn.Dense", "again", [], {}, [[]], {"again": 0},
    {"tuple": [1]}, {"dict": {}}, {"dtype": "float32"}, {"float": "nan"}, {"array": "settings.0"},
    {"tensor": "0.weight"}, {"name": "nn.ReLU"}, {"class": "nn.ReLU", "arguments": {}}, {"generator": {}},
    {"class": "nn.Sequential", "arguments": {"layers": {"tuple": [{"again": 0}]}}},
    {"class": [], "arguments": {}}, {"scalar": 1, "of": "int8"},
]  # fmt: skip


@pytest.mark.slow
def test_load_accepts_or_rejects_any_mutated_description(saved: bytes, tmp_path: Path) -> None:
    tensors, document = file_format.read(tmp_path / "good")
    del document["sha256"], document["version"]
    count = sum(1 for _ in places(document))
    rng = np.random.default_rng(0)
    refused_ones = 0
    for place in range(count):
        for odd in rng.permutation(len(ODD))[:6]:
            copy = json.loads(json.dumps(document))
            container, key = list(places(copy))[place]
            container[key] = json.loads(json.dumps(ODD[odd]))
            path = tmp_path / "odd"
            file_format.write(path, tensors, copy)
            try:
                nn.Model.load(path)
            except nn.LoadError:
                refused_ones += 1
    assert refused_ones > 3 * count
