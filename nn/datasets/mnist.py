"""Fashion-MNIST and MNIST: location, download and verification of their files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nn.datasets.fetching import cache_folder, fetch, folders_to_search
from nn.datasets.generated import Labels
from nn.datasets.idx import idx_header, read_idx

Images = NDArray[np.uint8]

FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
"""The names of the labels 0 … 9 of Fashion-MNIST."""


class Checksums(NamedTuple):
    """MD5 checksums, against corruption: of the published compressed file, and of its contents."""

    packed: str
    content: str


@dataclass(frozen=True)
class Published:
    """Data set of four IDX files.

    Attributes:
        name: the name of the function that reads it, and of its folder.
        mirrors: URLs of folders that contain the files, `.gz`.
        files: training images, training labels, test images, test labels, without `.gz`.
        torchvision: the name of the folder in which torchvision stores it.
    """

    name: str
    mirrors: tuple[str, ...]
    files: Mapping[str, Checksums]
    torchvision: str


FASHION_MNIST = Published(
    "fashion_mnist",
    (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    {
        "train-images-idx3-ubyte": Checksums("8d4fb7e6c68d591d4c3dfef9ec88bf0d", "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
        "train-labels-idx1-ubyte": Checksums("25c81989df183df01b3e8a0aad5dffbe", "9018921c3c673c538a1fc5bad174d6f9"),
        "t10k-images-idx3-ubyte": Checksums("bef4ecab320f06d8554ea6380940ec79", "8181f5470baa50b63fa0f6fddb340f0a"),
        "t10k-labels-idx1-ubyte": Checksums("bb300cfdad3c16e7a12a480ee83cd310", "15d484375f8d13e6eb1aabb0c3f46965"),
    },
    "FashionMNIST",
)
MNIST = Published(
    "mnist",
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    {
        "train-images-idx3-ubyte": Checksums("f68b3c2dcbeaaa9fbdd348bbdeb94873", "6bbc9ace898e44ae57da46a324031adb"),
        "train-labels-idx1-ubyte": Checksums("d53e105ee54ea40749a09fcbcd1e9432", "a25bea736e30d166cdddb491f175f624"),
        "t10k-images-idx3-ubyte": Checksums("9fb629c4189551a2d022fa330f9573f3", "2646ac647ad5339dbf082846283269ea"),
        "t10k-labels-idx1-ubyte": Checksums("ec29112dd5afa0611ce80d1b7f02629c", "27ae3e4e09519cfbb04c329615203637"),
    },
    "MNIST",
)


def fashion_mnist(
    directory: str | os.PathLike[str] | None = None, *, download: bool = True
) -> tuple[Images, Labels, Images, Labels]:
    """Return 70,000 greyscale images of clothes in ten classes, 28×28 pixels; see `FASHION_CLASSES`.

    By Zalando Research, https://github.com/zalandoresearch/fashion-mnist. The four files, `train-images-idx3-ubyte.gz`
    and so on, compressed or not, are searched for in `directory`, then in the folder named by the environment variable
    `TENSORGRAD_DATA` (in both, also in a folder `fashion_mnist` and in `FashionMNIST/raw`, where torchvision stores
    them), then in the user's cache folder. Names such as `train-images.idx3-ubyte` are also recognised. Files that are
    not found are downloaded into the cache (30 MB). A file is used only if its checksum is that of the published one.

    Args:
        directory: the folder to search first.
        download: whether missing files may be downloaded.

    Returns:
        X_train, y_train, X_test, y_test: X uint8 `(60000, 28, 28)` and `(10000, 28, 28)`, from 0 (background) to 255; y
            from 0 to 9. `nn.data.rescale(X).reshape(len(X), -1)` converts them to float32 rows in -1 … 1, as in the
            book.

    Raises:
        ValueError: a file is truncated, damaged, or not the published file of that name.
        FileNotFoundError: missing files cannot (or may not) be downloaded. The message lists them and where to put
            them.
        ImportError: files are missing, and pooch, which downloads them, is not installed.
    """
    return load(FASHION_MNIST, directory, download=download)


def mnist(
    directory: str | os.PathLike[str] | None = None, *, download: bool = True
) -> tuple[Images, Labels, Images, Labels]:
    """Return 70,000 handwritten digits, 28×28 pixels. By Yann LeCun, Corinna Cortes and Christopher Burges.

    Arguments, return values and errors are as for `fashion_mnist`; the folders are `mnist` and `MNIST/raw` (12 MB).
    """
    return load(MNIST, directory, download=download)


def load(
    published: Published, directory: str | os.PathLike[str] | None = None, *, download: bool = True
) -> tuple[Images, Labels, Images, Labels]:
    """Load a data set; see `fashion_mnist`."""
    folders = folders_to_search(published.name, directory, ("", published.name, f"{published.torchvision}/raw"))
    paths = {file: _find(file, folders) for file in published.files}
    if not all(paths.values()):
        cache = cache_folder(published.name)
        paths = {file: path or _find(file, [cache]) for file, path in paths.items()}
        missing = {f"{file}.gz": published.files[file].packed for file, path in paths.items() if path is None}
        if missing:
            fetch(published.name, missing, published.mirrors if download else (), cache, folders)
            paths = {file: path or cache / f"{file}.gz" for file, path in paths.items()}
    X, y, X_test, y_test = (_verified(published, file, path) for file, path in paths.items() if path)
    return X, y.astype(np.int64), X_test, y_test.astype(np.int64)


def _find(file: str, folders: Iterable[Path]) -> Path | None:
    names = [name + suffix for name in (file, file.replace("-idx", ".idx")) for suffix in (".gz", "")]
    candidates = (folder / name for folder in folders for name in names)
    return next((path for path in candidates if path.is_file()), None)


def _verified(published: Published, file: str, path: Path) -> Images:
    """Return the contents of the file.

    Raises:
        ValueError: the file is not the published one of that name.
    """
    array = read_idx(path)
    checksum = hashlib.md5(idx_header(array), usedforsecurity=False)
    checksum.update(np.ascontiguousarray(array).data)
    found, expected = checksum.hexdigest(), published.files[file].content
    if array.dtype != np.uint8 or found != expected:
        raise ValueError(
            f"{path}: this is not {file} of {published.name}. {_identity(found)}Its shape is {array.shape}, its dtype "
            f"{array.dtype}, the MD5 of its content {found}, expected {expected}. Remove it, and the right one is "
            "looked for elsewhere; other idx files are read by nn.datasets.read_idx."
        )
    return array


def _identity(checksum: str) -> str:
    for published in (FASHION_MNIST, MNIST):
        for file, checksums in published.files.items():
            if checksums.content == checksum:
                return f"It is {file} of {published.name}. "
    return ""
