"""Damaged and hostile weights files: refused with an error that names the file, without running code or much memory."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn

PICKLE_START = b"\x80\x02"


def torch_file(data: bytes, storages: dict[str, bytes] | None = None, **options: Any) -> bytes:
    """Return a file as `torch.save` writes it, with this pickle."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", **options) as archive:
        archive.writestr("x/data.pkl", data)
        for key, stored in (storages or {}).items():
            archive.writestr(f"x/data/{key}", stored)
    return content.getvalue()


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    return b"\x8a\x10" + value.to_bytes(16, "little", signed=True)


def storage(kind: bytes = b"ctorch\nFloatStorage\n", key: str = "0", count: int = 6) -> bytes:
    return b"(" + text("storage") + kind + text(key) + text("cpu") + number(count) + b"tQ"


def tensor(
    shape: tuple[int, ...] = (3, 2), strides: tuple[int, ...] = (2, 1), offset: int = 0, stored: bytes | None = None
) -> bytes:
    sizes, steps = (b"(" + b"".join(map(number, each)) + b"t" for each in (shape, strides))
    arguments = (storage() if stored is None else stored) + number(offset) + sizes + steps + b"\x89" + b"}"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"


def state(weight: bytes) -> bytes:
    return PICKLE_START + b"}(" + text("weight") + weight + b"u."


SIX = {"0": np.arange(6, dtype="<f4").tobytes()}


def refused(content: bytes, folder: Path, match: str | None = None) -> None:
    path = folder / "hostile"
    path.write_bytes(content)
    layer = nn.Dense(2, 3, bias=False, rng=0)
    before = layer.weight.numpy()
    with pytest.raises(nn.LoadError, match=match) as caught:
        nn.interop.load_pytorch(layer, path)
    assert str(path) in str(caught.value)
    np.testing.assert_array_equal(layer.weight.data, before)


def peak_memory(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# -- PyTorch ----------------------------------------------------------------------------------------------


def test_torch_file_made_by_hand_is_read(tmp_path: Path) -> None:
    path = tmp_path / "good"
    path.write_bytes(torch_file(state(tensor()), SIX))
    layer = nn.Dense(2, 3, bias=False)
    assert nn.interop.load_pytorch(layer, path).complete
    assert layer.weight.data.tolist() == [[0, 2, 4], [1, 3, 5]]


class Attack:
    """Pickled so that unpickling it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(6))
def test_torch_file_with_code_runs_nothing(protocol: int, tmp_path: Path) -> None:
    attack = pickle.dumps({"weight": Attack(tmp_path / "attacked")}, protocol)
    refused(torch_file(attack), tmp_path, "without running code")
    assert not (tmp_path / "attacked").exists()


CODE = {
    "os.system": b"cos\nsystem\n(" + text("true") + b"tR",
    "eval": b"c__builtin__\neval\n(" + text("1") + b"tR",
    "getattr": b"cbuiltins\ngetattr\n(" + text("a") + text("upper") + b"tR",
    "inst": b"(" + text("true") + b"ios\nsystem\n",
    "obj": b"(cos\nsystem\n" + text("true") + b"o",
    "newobj": b"ccollections\nOrderedDict\n)\x81",
    "extension": b"\x82\x01",
    "torch load": b"ctorch\nload\n(" + text("/etc/passwd") + b"tR",
    "nested name": b"\x8c\x0btorch._utils\x8c\x18_rebuild_tensor_v2.__glo\x93",
    "dict with items": b"ccollections\nOrderedDict\n(}tR",
    "attributes of a tensor": tensor() + b"}b",
    "state of a list": b"]}b",
    "device of a list": b"ctorch\ndevice\n]R",
    "bytearray": b"\x96" + struct.pack("<Q", 1) + b"a",
    "persistent id in text": b"Pstorage\n",
}


@pytest.mark.parametrize("name", CODE)
def test_torch_file_with_other_instructions_is_refused(name: str, tmp_path: Path) -> None:
    refused(torch_file(state(CODE[name]), SIX), tmp_path, "without running code")


MALFORMED = {
    "empty": b"",
    "no stop": PICKLE_START + b"}",
    "nothing": PICKLE_START + b".",
    "two values": PICKLE_START + b"}}.",
    "cut short": state(tensor())[:-30],
    "no mark": PICKLE_START + b"}u.",
    "memo": PICKLE_START + b"h\x07.",
    "a large memo": PICKLE_START + b"}r\xff\xff\xff\x7fj\xff\xff\xff\x7e.",
    "a long text": PICKLE_START + b"X\xff\xff\xff\x7fabc",
    "a longer text": PICKLE_START + b"\x8d" + b"\xff" * 7 + b"\x7fabc",
    "a long frame": b"\x80\x04\x95" + b"\xff" * 8 + b"}.",
    "bad UTF-8": PICKLE_START + b"X\x01\x00\x00\x00\xff.",
    "odd items": PICKLE_START + b"}(" + text("a") + b"u.",
    "an item of a number": PICKLE_START + b"K\x01" + text("a") + text("b") + b"s.",
    "a tuple as key": PICKLE_START + b"}()" + text("a") + b"u.",
    "a key twice": PICKLE_START + b"}(" + text("weight") + tensor() + text("weight") + tensor() + b"u.",
    "a deep tuple": PICKLE_START + b")" + b"\x85" * 100_000 + b".",
    "a list of itself": PICKLE_START + b"]q\x00h\x00a.",
    "a dictionary of itself": PICKLE_START + b"}q\x00(" + text("a") + b"h\x00u.",
    "a function": PICKLE_START + b"ctorch._utils\n_rebuild_tensor_v2\n.",
    "a mark": PICKLE_START + b"(.",
    "text": PICKLE_START + text("weights") + b".",
    "numbers as names": PICKLE_START + b"}(K\x01" + tensor() + b"u.",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MALFORMED)
def test_torch_file_that_is_malformed_is_refused(name: str, tmp_path: Path) -> None:
    content = torch_file(MALFORMED[name], SIX)
    assert peak_memory(lambda: refused(content, tmp_path)) < 20_000_000


def test_torch_file_of_shared_lists_is_not_spelled_out(tmp_path: Path) -> None:
    nested = b"]q\x00" + b"".join(b"](h%ch%ceq%c" % (i, i, i + 1) for i in range(60))
    refused(torch_file(PICKLE_START + nested + b"."), tmp_path)
    as_size = b"ctorch\nSize\n(" + nested + b"\x85tR"
    refused(torch_file(state(as_size)), tmp_path)
    refused(torch_file(state(b"(" + nested + b"tQ")), tmp_path)


BAD_TENSORS = {
    "beyond the end": tensor((4, 2)),
    "beyond the end by its offset": tensor(offset=1),
    "beyond the end by its strides": tensor(strides=(2, 2)),
    "huge": tensor((2**40, 2**40)),
    "huge without strides": tensor((2**62, 4), (0, 0)),
    "repeated": tensor((7,), (0,)),
    "negative size": tensor((-3, 2)),
    "negative stride": tensor(strides=(-2, 1)),
    "negative offset": tensor(offset=-1),
    "negative count": tensor(stored=storage(count=-6)),
    "other count": tensor(stored=storage(count=5)),
    "other lengths": tensor((3, 2), (1,)),
    "many axes": tensor((1,) * 100, (1,) * 100),
    "no storage": tensor(stored=b"}"),
    "unknown storage": tensor(stored=storage(kind=b"ctorch\nQInt8Storage\n")),
    "missing storage": tensor(stored=storage(key="7")),
    "storage elsewhere": tensor(stored=storage(key="../../x")),
    "storage of text": tensor(stored=storage(kind=text("f4"))),
    "short reference": tensor(stored=b"(" + text("storage") + b"tQ"),
    "few arguments": b"ctorch._utils\n_rebuild_tensor_v2\n)R",
    "quantized": b"ctorch._utils\n_rebuild_qtensor\n)R",
    "sparse": b"ctorch._utils\n_rebuild_sparse_tensor\n)R",
    "float8": b"ctorch._utils\n_rebuild_tensor_v3\n(" + storage() + b"K\x00))\x89}ctorch\nfloat8_e5m2\ntR",
    "setting as dtype": b"ctorch._utils\n_rebuild_tensor_v3\n(" + storage() + b"K\x00))\x89}ctorch\nfloat32\ntR",
    "text as tensor": b"ctorch._utils\n_rebuild_parameter\n(" + text("a") + b"\x89}tR",
}


@pytest.mark.parametrize("name", BAD_TENSORS)
def test_torch_file_with_a_bad_tensor_is_refused(name: str, tmp_path: Path) -> None:
    content = torch_file(state(BAD_TENSORS[name]), SIX)
    assert peak_memory(lambda: refused(content, tmp_path)) < 5_000_000


def test_torch_file_with_a_strange_archive_is_refused(tmp_path: Path) -> None:
    good = state(tensor())
    content = io.BytesIO(torch_file(good, SIX))
    with zipfile.ZipFile(content, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("x/data/0", SIX["0"])
    refused(content.getvalue(), tmp_path, "a name occurs twice")
    content = io.BytesIO(torch_file(good, SIX))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("y/data.pkl", good)
    refused(content.getvalue(), tmp_path, r"2 members named data.pkl")
    refused(torch_file(good, SIX, compression=zipfile.ZIP_BZIP2), tmp_path, "unsupported compression")
    refused(torch_file(good), tmp_path, r"no member 'x/data/0'")
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("readme.txt", "hello")
    refused(other.getvalue(), tmp_path, "not of PyTorch, Keras or NumPy")


def patched(content: bytes, member: bytes, local: int, central: int, values: bytes) -> bytes:
    """Return the archive with other values in both headers of a member."""
    found = bytearray(content)
    first = content.index(b"PK\x03\x04", content.index(member) - 40)
    last = content.index(b"PK\x01\x02", content.rindex(member) - 60)
    found[first + local : first + local + len(values)] = values
    found[last + central : last + central + len(values)] = values
    return bytes(found)


def test_torch_file_whose_sizes_lie_is_refused(tmp_path: Path) -> None:
    content = torch_file(state(tensor()), SIX)
    huge = struct.pack("<II", 2**31 - 1, 2**31 - 1)
    assert peak_memory(lambda: refused(patched(content, b"x/data/0", 18, 20, huge), tmp_path, "more bytes")) < 5_000_000
    long = struct.pack("<II", 24, 2**31 - 1)
    assert peak_memory(lambda: refused(patched(content, b"x/data/0", 18, 20, long), tmp_path, "more bytes")) < 5_000_000
    refused(content.replace(SIX["0"], SIX["0"][::-1]), tmp_path, "damaged")


@given(st.data())
def test_torch_file_damaged_anywhere_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    content = bytearray(torch_file(state(tensor()), SIX))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read_or_refused(bytes(content[: data.draw(st.integers(0, len(content)))]), tmp_path_factory)


@given(st.data())
def test_torch_pickle_of_any_bytes_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    pickled = bytearray(state(tensor()))
    for _ in range(data.draw(st.integers(0, 6))):
        start = data.draw(st.integers(0, len(pickled)))
        pickled[start : start + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    read_or_refused(torch_file(bytes(pickled), SIX), tmp_path_factory)


def read_or_refused(content: bytes, factory: pytest.TempPathFactory) -> None:
    path = factory.mktemp("damaged") / "x"
    path.write_bytes(content)
    try:
        nn.interop.read_weights(path)
    except nn.LoadError as error:
        assert str(path) in str(error)  # noqa: PT017


# -- safetensors ------------------------------------------------------------------------------------------


def safetensors(header: str, tensors: bytes = bytes(24), length: int | None = None) -> bytes:
    raw = header.encode()
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + tensors


ENTRY = '"%s":{"dtype":"%s","shape":%s,"data_offsets":%s}'
WEIGHT = ENTRY % ("weight", "F32", "[3,2]", "[0,24]")

SAFETENSORS = {
    "empty": b"",
    "cut short": safetensors("{" + WEIGHT + "}")[:-1],
    "a cut header": safetensors("{" + WEIGHT + "}")[:30],
    "a long header": safetensors("{" + WEIGHT + "}", length=2**62),
    "beyond the end": safetensors("{" + ENTRY % ("weight", "F32", "[300,200]", "[0,240000]") + "}"),
    "another size": safetensors("{" + ENTRY % ("weight", "F32", "[30,2]", "[0,24]") + "}"),
    "overflowing": safetensors("{" + ENTRY % ("weight", "F32", f"[{2**62},{2**62}]", "[0,24]") + "}"),
    "negative": safetensors("{" + ENTRY % ("weight", "F32", "[-3,-2]", "[0,24]") + "}"),
    "overlapping": safetensors("{" + WEIGHT + "," + ENTRY % ("b", "F32", "[3]", "[12,24]") + "}"),
    "unknown dtype": safetensors("{" + ENTRY % ("weight", "F99", "[3,2]", "[0,24]") + "}"),
    "float8": safetensors("{" + ENTRY % ("weight", "F8_E4M3", "[12,2]", "[0,24]") + "}"),
    "twice": safetensors("{" + WEIGHT + "," + WEIGHT + "}"),
    "deep": safetensors("{" + WEIGHT + ',"x":' + "[" * 100_000 + "}"),
    "no JSON": safetensors("{" + WEIGHT),
    "metadata of another type": safetensors("{" + WEIGHT + ',"__metadata__":7}'),
    "a number": safetensors("7" * 9),
}


@pytest.mark.parametrize("name", SAFETENSORS)
def test_safetensors_file_that_is_malformed_is_refused(name: str, tmp_path: Path) -> None:
    assert peak_memory(lambda: refused(SAFETENSORS[name], tmp_path)) < 5_000_000


def test_weights_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    refused(pickle.dumps({"weight": Attack(tmp_path / "attacked")}), tmp_path, "a bare pickle")
    assert not (tmp_path / "attacked").exists()
    refused(b"\x93NUMPY\x01\x00" + b"v" * 100, tmp_path, "not a safetensors")
    refused(b"\x89HDF\r\n\x1a\n" + b"v" * 100, tmp_path, "a file of Keras")
    with pytest.raises(nn.LoadError, match="not a file"):
        nn.interop.load_pytorch(nn.Dense(2, 3), tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(nn.LoadError, match="not a file"):
        nn.interop.load_pytorch(nn.Dense(2, 3), tmp_path / "pipe")


# -- npz --------------------------------------------------------------------------------------------------


def npz(member: bytes, **options: Any) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", **options) as archive:
        archive.writestr("weight.npy", member)
    return content.getvalue()


def npy(header: str, data: bytes = bytes(24), magic: bytes = b"\x93NUMPY\x01\x00") -> bytes:
    return magic + len(header).to_bytes(2, "little") + header.encode() + data


HEADER = "{'descr': '%s', 'fortran_order': False, 'shape': %s}\n"

NPZ = {
    "empty": b"",
    "magic": npy(HEADER % ("<f4", "(3, 2)"), magic=b"\x93NUMPX\x01\x00"),
    "version": npy(HEADER % ("<f4", "(3, 2)"), magic=b"\x93NUMPY\x09\x00"),
    "huge": npy(HEADER % ("<f4", "(1000000000, 1000000000)")),
    "negative": npy(HEADER % ("<f4", "(-3, -2)")),
    "cut short": npy(HEADER % ("<f4", "(3, 2)"), bytes(23)),
    "objects": npy(HEADER % ("|O", "(3, 1)")),
    "text": npy(HEADER % ("<U1", "(3, 2)")),
    "complex": npy(HEADER % ("<c8", "(3, 1)")),
    "code": npy("__import__('os').system('true')\n"),
    "deep": npy("(" * 5000 + "\n"),
    "no dtype": npy(HEADER % ("nonsense", "(3, 2)")),
}


@pytest.mark.parametrize("name", NPZ)
def test_npz_file_that_is_malformed_is_refused(name: str, tmp_path: Path) -> None:
    assert peak_memory(lambda: refused(npz(NPZ[name]), tmp_path)) < 5_000_000


def test_npz_file_with_a_pickle_runs_nothing(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", weight=np.array([Attack(tmp_path / "attacked")], object), allow_pickle=True)
    refused((tmp_path / "x.npz").read_bytes(), tmp_path, "object, not numbers")
    assert not (tmp_path / "attacked").exists()


@given(st.data())
def test_npz_file_damaged_anywhere_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    content = bytearray(npz(npy(HEADER % ("<f4", "(3, 2)")), compression=data.draw(st.sampled_from([0, 8]))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read_or_refused(bytes(content), tmp_path_factory)


# -- Keras ------------------------------------------------------------------------------------------------


def h5_refused(path: Path, match: str | None = None) -> None:
    layer = nn.Dense(2, 3, bias=False, rng=0)
    with pytest.raises(nn.LoadError, match=match) as caught:
        nn.interop.load_keras(layer, path)
    assert str(path) in str(caught.value)


def test_keras_file_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "x.weights.h5"
    for options in ({}, {"chunks": (1000, 1000)}, {"chunks": (1000, 1000), "compression": "gzip"}):
        with h5py.File(path, "w") as file:  # nothing is written, so nothing is stored
            file.create_dataset("layers/dense/vars/0", (10**6, 10**6), "f4", **options)
        assert peak_memory(lambda: h5_refused(path, "more bytes than the file can hold")) < 5_000_000


def test_keras_file_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    secret, path = tmp_path / "secret.h5", tmp_path / "x.weights.h5"
    with h5py.File(secret, "w") as file:
        file["weight"] = np.ones((2, 3), "f4")
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = h5py.ExternalLink(str(secret), "weight")
    h5_refused(path, "contains no weights")
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/dense/vars/0", (2, 3), "f4", external=[(str(secret), 0, 24)])
    h5_refused(path, "outside the file")
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout((2, 3), "f4")
        layout[:] = h5py.VirtualSource(str(secret), "weight", (2, 3))
        file.create_virtual_dataset("layers/dense/vars/0", layout)
    h5_refused(path, "outside the file")
    with h5py.File(path, "w") as file:
        group = file.create_group("dense")
        file.attrs["layer_names"], group.attrs["weight_names"] = np.array([b"dense"]), np.array([b"dense/kernel:0"])
        group["dense/kernel:0"] = h5py.ExternalLink(str(secret), "weight")
    h5_refused(path, "link to another file")


def test_keras_file_that_is_malformed_is_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "x.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense")
        group["vars"] = group  # a group inside itself
        group["0"] = np.ones((2, 3), "f4")
    h5_refused(path)
    for data in (np.array([b"text"], "S4"), np.ones(2, "c8"), np.zeros(2, [("a", "f4")])):
        with h5py.File(path, "w") as file:
            file["layers/dense/vars/0"] = data
        h5_refused(path, "not numbers")
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"dense"])
    h5_refused(path)
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"dense"])
        file.create_group("dense").attrs["weight_names"] = np.array([b"kernel:0"])
    h5_refused(path)
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    h5_refused(path, "damaged")


def keras_archive(weights: bytes, config: str, **options: Any) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", **options) as archive:
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", weights)
    return content.getvalue()


@pytest.mark.parametrize(
    "config", ["", "[]", "7", '{"config":{"layers":7}}', '{"config":{"layers":[{}]}}', "[" * 10**5]
)
def test_keras_archive_with_a_malformed_config_is_refused(config: str, tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "x.keras"
    path.write_bytes(keras_archive(b"\x89HDF\r\n\x1a\n", config))
    h5_refused(path, "config.json is malformed")


def test_keras_archive_cut_short_is_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["layers/dense/vars/0"] = np.ones((2, 3), "f4")
    config = json.dumps({"config": {"layers": [{"class_name": "Dense", "config": {}}]}})
    path = tmp_path / "x.keras"
    path.write_bytes(keras_archive(buffer.getvalue(), config, compression=zipfile.ZIP_DEFLATED))
    assert nn.interop.load_keras(nn.Dense(2, 3, bias=False), path, names={"": "layers/dense"}).complete
    content = path.read_bytes()
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        h5_refused(path)
    path.write_bytes(keras_archive(buffer.getvalue()[:-500], config))
    h5_refused(path, "damaged")


@given(st.data())
def test_keras_file_damaged_in_its_values_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    h5py = pytest.importorskip("h5py")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["layers/dense/vars/0"] = np.ones((2, 3), "f4")
    read_or_refused(buffer.getvalue()[: data.draw(st.integers(0, len(buffer.getvalue())))], tmp_path_factory)
