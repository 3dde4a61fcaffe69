"""Fashion-MNIST and MNIST: found, downloaded, or refused by name. Nothing here leaves this machine."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn import datasets
from nn.datasets.fetching import ENVIRONMENT_VARIABLE
from nn.datasets.idx import idx_header
from nn.datasets.mnist import FASHION_MNIST, MNIST, Checksums, Published, load

FILES = list(FASHION_MNIST.files)
DATA = os.environ.get(ENVIRONMENT_VARIABLE)


def content_of(number: int) -> bytes:
    """Return a tiny file in place of the published one: images for even numbers, labels for odd ones."""
    shape = ((6, 5, 4), (6,), (3, 5, 4), (3,))[number]
    array = (np.arange(np.prod(shape)).reshape(shape) % 10).astype(np.uint8)
    return bytes(idx_header(array) + array.tobytes())


def packed(number: int) -> bytes:
    return gzip.compress(content_of(number), mtime=0)


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def tiny(*mirrors: str) -> Published:
    checksums = {file: Checksums(md5(packed(n)), md5(content_of(n))) for n, file in enumerate(FILES)}
    return Published("tiny", mirrors, checksums, "Tiny")


def write(folder: Path, *numbers: int, compressed: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        if compressed:
            (folder / f"{FILES[number]}.gz").write_bytes(packed(number))
        else:
            (folder / FILES[number]).write_bytes(content_of(number))
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache folder, which the environment does not override."""
    import pooch

    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache" / "tensorgrad" / "tiny"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a folder that is served on this machine, and the folder."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}/", folder
        serving.shutdown()


def assert_tiny(data: Any) -> None:
    X, y, X_test, y_test = data
    assert (X.shape, X.dtype, X_test.shape, X_test.dtype) == ((6, 5, 4), np.uint8, (3, 5, 4), np.uint8)
    np.testing.assert_array_equal(y, np.arange(6))
    np.testing.assert_array_equal(y_test, np.arange(3))
    assert y.dtype == y_test.dtype == np.int64


@pytest.mark.parametrize("compressed", [True, False])
def test_load_finds_files_in_the_directory(tmp_path: Path, compressed: bool) -> None:
    folder = write(tmp_path / "here", 0, 1, 2, 3, compressed=compressed)
    assert_tiny(load(tiny(), folder))
    assert_tiny(load(tiny(), str(folder)))


@pytest.mark.parametrize("inner", ["", "tiny"])
def test_load_finds_files_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inner: str
) -> None:
    write(tmp_path / "data" / inner, 0, 1, 2, 3)
    monkeypatch.setenv("TENSORGRAD_DATA", str(tmp_path / "data"))
    assert_tiny(load(tiny()))


@pytest.mark.parametrize("suffix", [".gz", ""])
def test_load_finds_names_with_a_dot(tmp_path: Path, suffix: str) -> None:
    for number, name in enumerate(FILES):
        content = packed(number) if suffix else content_of(number)
        (tmp_path / (name.replace("-idx", ".idx") + suffix)).write_bytes(content)
    assert_tiny(load(tiny(), tmp_path))


def test_load_finds_the_folder_of_torchvision(tmp_path: Path) -> None:
    write(tmp_path / "Tiny" / "raw", 0, 1, 2, 3, compressed=False)
    assert_tiny(load(tiny(), tmp_path))
    assert (FASHION_MNIST.torchvision, MNIST.torchvision) == ("FashionMNIST", "MNIST")


def test_load_expands_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    write(tmp_path / "data", 0, 1, 2, 3)
    assert_tiny(load(tiny(), "~/data"))
    monkeypatch.setenv("TENSORGRAD_DATA", "~/data")
    assert_tiny(load(tiny()))


def test_load_tries_directory_environment_and_cache_in_this_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    directory = write(tmp_path / "directory", 0)
    monkeypatch.setenv("TENSORGRAD_DATA", str(write(tmp_path / "environment", 1)))
    write(cache, 2, 3)
    for spoiled in ((tmp_path / "environment", 0), (cache, 0), (cache, 1)):
        (spoiled[0] / f"{FILES[spoiled[1]]}.gz").write_bytes(b"never looked at")
    assert_tiny(load(tiny(), directory))


def test_load_finds_files_without_pooch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert_tiny(load(tiny(), write(tmp_path / "here", 0, 1, 2, 3)))
    with pytest.raises(ImportError, match=r'datasets\.tiny: .*pip install "tensorgrad\[examples\]"'):
        load(tiny(), tmp_path)


def test_load_downloads_once_into_the_cache_with_progress(
    server: tuple[str, Path], tmp_path: Path, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    address, served = server
    write(served, 0, 2, 3)
    directory = write(tmp_path / "here", 1)
    source = tiny("http://127.0.0.1:9/nobody/", address)  # the first mirror is down
    assert_tiny(load(source, directory))
    assert "100%" in capfd.readouterr().err
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{FILES[n]}.gz" for n in (0, 2, 3))
    for file in served.iterdir():
        file.unlink()
    assert_tiny(load(source, directory))


def test_load_rejects_a_download_with_another_checksum(server: tuple[str, Path], cache: Path) -> None:
    address, served = server
    write(served, 0, 1, 2, 3)
    (served / f"{FILES[2]}.gz").write_bytes(gzip.compress(content_of(0)))
    with pytest.raises(FileNotFoundError, match=rf"{FILES[2]}.gz.* could not be downloaded") as raised:
        load(tiny(address))
    wanted = str(raised.value).split("Put these files")[1]
    assert [md5(packed(number)) in wanted for number in range(4)] == [False, False, True, True]
    assert f"{FILES[2]}.gz" not in {path.name for path in cache.iterdir()}


def test_load_offline_names_folder_files_and_checksums(tmp_path: Path, cache: Path) -> None:
    directory = write(tmp_path / "here", 1)
    with pytest.raises(FileNotFoundError) as raised:
        load(tiny("http://127.0.0.1:9/"), directory)
    message = str(raised.value)
    for part in ("datasets.tiny: ", str(directory), str(cache), "$TENSORGRAD_DATA", "http://127.0.0.1:9/"):
        assert part in message
    for number in (0, 2, 3):
        assert f"{FILES[number]}.gz  MD5 {md5(packed(number))}" in message
    assert f"{FILES[1]}.gz  MD5" not in message


def test_load_with_download_false_does_not_download(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(FileNotFoundError, match="could not be downloaded:\n  download=False\n"):
        load(tiny("http://127.0.0.1:9/"), tmp_path, download=False)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("number", range(4))
def test_load_rejects_a_wrong_file_by_name(tmp_path: Path, number: int, compressed: bool) -> None:
    whole, pack = content_of(number), gzip.compress if compressed else bytes
    swapped, other = content_of(number ^ 1), content_of(number ^ 2)
    changed = whole[:-1] + bytes([77])
    for wrong in (whole[:-1], whole + b"\0", whole[:6], b"", b"junk", changed, swapped, other):
        folder = write(tmp_path / "here", 0, 1, 2, 3, compressed=compressed)
        path = folder / (FILES[number] + ".gz" * compressed)
        path.write_bytes(pack(wrong))
        with pytest.raises(ValueError, match=rf"{path}: "):
            load(tiny(), folder)


def test_load_detects_every_changed_byte_of_uncompressed_files(tmp_path: Path) -> None:
    folder, whole = write(tmp_path / "here", 0, 1, 2, 3, compressed=False), content_of(1)
    path = folder / FILES[1]
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(ValueError, match=rf"{path}: "):
            load(tiny(), folder)


def test_load_rejects_a_damaged_file_in_the_cache(cache: Path) -> None:
    write(cache, 0, 1, 2, 3)
    path = cache / f"{FILES[3]}.gz"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=rf"{path}: a truncated or damaged gzip file"):
        load(tiny())


# -- the real ones --------------------------------------------------------------------------------------------


@pytest.fixture
def fashion() -> Path:
    """The folder of the published files, which the repository does not contain."""
    for folder in (Path(DATA), Path(DATA, "fashion_mnist")) if DATA else ():
        if (folder / f"{FILES[0]}.gz").is_file():
            return folder
    pytest.skip("no Fashion-MNIST: set TENSORGRAD_DATA to a folder that has it")


def test_fashion_mnist_is_as_documented(fashion: Path) -> None:
    X, y, X_test, y_test = datasets.fashion_mnist(fashion)
    assert (X.shape, X.dtype, X_test.shape) == ((60000, 28, 28), np.uint8, (10000, 28, 28))
    np.testing.assert_array_equal(np.bincount(y), [6000] * 10)
    np.testing.assert_array_equal(np.bincount(y_test), [1000] * 10)
    assert [datasets.FASHION_CLASSES[label] for label in y[:3]] == ["Ankle boot", "T-shirt/top", "T-shirt/top"]


def test_load_recognises_files_under_wrong_names(tmp_path: Path, fashion: Path) -> None:
    for file in FILES:
        (tmp_path / f"{file}.gz").symlink_to(fashion / f"{file}.gz")
    with pytest.raises(
        ValueError, match=r"this is not train-images-idx3-ubyte of mnist\. It is train-images-.* of fashi"
    ):
        load(MNIST, tmp_path)
    (tmp_path / f"{FILES[1]}.gz").unlink()
    (tmp_path / f"{FILES[1]}.gz").symlink_to(fashion / f"{FILES[3]}.gz")
    with pytest.raises(
        ValueError, match=r"not train-labels-.* of fashion_mnist\. It is t10k-labels-idx1-ubyte of fashi"
    ):
        datasets.fashion_mnist(tmp_path)
