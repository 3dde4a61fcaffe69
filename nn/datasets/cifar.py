"""CIFAR-10: small colour images in ten classes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nn.datasets.fetching import PublishedFile
from nn.datasets.generated import Labels

if TYPE_CHECKING:
    from tarfile import TarFile

Images = NDArray[np.uint8]

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""The names of the labels 0 … 9 of CIFAR-10."""

CIFAR10 = PublishedFile(
    "cifar10",
    "cifar-10-binary.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/",),
    "c32a1d4ab5d03f1284b67883e8d87530",
)
MEMBERS = tuple(
    f"cifar-10-batches-bin/{name}.bin" for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
)
"""The files in the archive: five of training images, and one of test images."""


def cifar10(
    directory: str | os.PathLike[str] | None = None, *, download: bool = True
) -> tuple[Images, Labels, Images, Labels]:
    """Return 60,000 colour images of animals and vehicles in ten classes, 32×32 pixels; see `CIFAR10_CLASSES`.

    By Alex Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009,
    https://www.cs.toronto.edu/~kriz/cifar.html. The archive `cifar-10-binary.tar.gz` is searched for in `directory`,
    then in the folder named by the environment variable `TENSORGRAD_DATA` (in both, also in a folder `cifar10`), then
    in the user's cache folder. If it is not found, it is downloaded into the cache (162 MB). It is used only if its
    checksum is that of the published one.

    Args:
        directory: the folder to search first.
        download: whether a missing file may be downloaded.

    Returns:
        X_train, y_train, X_test, y_test: X uint8 `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)`, red, green and blue
            from 0 to 255; y from 0 to 9.

    Raises:
        ValueError: the file is damaged, or not the published one.
        FileNotFoundError: the missing file cannot (or may not) be downloaded. The message names it and where to put it.
        ImportError: the file is missing, and pooch, which downloads it, is not installed.
    """
    return read(CIFAR10.find(directory, download=download))


def read(path: Path) -> tuple[Images, Labels, Images, Labels]:
    """Return the contents of the archive; see `cifar10`."""
    import tarfile

    with tarfile.open(path) as archive:
        batches = [_records(archive, member) for member in MEMBERS]
    train, test = np.concatenate(batches[:-1]), batches[-1]
    return *_images_and_labels(train), *_images_and_labels(test)


def _records(archive: TarFile, member: str) -> Images:
    """Return the records of a file: a label, then 1,024 numbers each of red, green and blue, row by row."""
    content = archive.extractfile(member)
    assert content is not None  # the members of the published archive are regular files
    return np.frombuffer(content.read(), np.uint8).reshape(-1, 1 + 3 * 32 * 32)


def _images_and_labels(records: Images) -> tuple[Images, Labels]:
    channels_first = records[:, 1:].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(channels_first.transpose(0, 2, 3, 1)), records[:, 0].astype(np.int64)
