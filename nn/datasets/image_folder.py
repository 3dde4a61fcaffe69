"""Images from files, read with Pillow."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn._files import expanded, open_regular
from nn._validation import whole_number
from nn.datasets.generated import Labels

SUFFIXES = (
    ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip


def images(
    folder: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    grey: bool = False,
    allow_empty: bool = False,
    skip_damaged: bool = False,
) -> tuple[NDArray[np.uint8], Labels, tuple[str, ...]]:
    """Return all images in the subfolders of a folder, where each subfolder is a class.

    Args:
        folder: its subfolders, in alphabetical order, are the classes 0, 1, …; files directly in it are ignored. Within
            a class, at any depth, files that end in .png, .jpg or another of `SUFFIXES` are read; others are ignored.
            So are hidden files and folders, and `__MACOSX`, which zip files made on a Mac contain.
        size: the height and width to resize every image to. By default, all must have the same size.
        grey: see `image`.
        allow_empty: whether a class may have no images, as in a small part of a data set. It keeps its number.
        skip_damaged: whether to skip files that cannot be read as an image, with a warning that names them.

    Returns:
        X uint8 `(samples, height, width, 3)`, or `(samples, height, width)` if grey; y `(samples,)`, the number of the
        class; and the names of the classes. Class after class, the files of each in alphabetical order.

    Raises:
        ValueError: a file is not an image or is damaged, differs in size from the first, or has an unsupported pixel
            format; there are no classes, a class without images, or no images at all. The message names the file or
            folder.
        OSError: the folder cannot be read.
        ImportError: Pillow is not installed.
    """
    folder = expanded(folder, "datasets.images")
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not _is_hidden(entry))
    if not classes:
        raise ValueError(f"datasets.images: {folder} has no folders; expected one for each class.")
    files = [(file, label) for label, place in enumerate(classes) for file in _image_files(place)]
    _check_classes(classes, {label for _, label in files}, allow_empty)

    X: NDArray[np.uint8] | None = None
    read: list[tuple[Path, int]] = []
    damaged: list[str] = []
    for file, label in files:
        try:
            pixels = image(file, size=size, grey=grey)
        except ValueError as error:
            if not skip_damaged:
                raise
            damaged.append(str(error))
            continue
        if X is None:
            X = np.empty((len(files), *pixels.shape), np.uint8)
        X[len(read)] = pixels if not read else _of_shape(X.shape[1:], pixels, file, read[0][0])
        read.append((file, label))
    if damaged:
        lines = "\n  ".join(damaged)
        warnings.warn(f"datasets.images: {len(damaged)} of {len(files)} files are left out:\n  {lines}", stacklevel=2)
        _check_classes(classes, {label for _, label in read}, allow_empty)
    assert X is not None  # at least one class has an image
    y = np.array([label for _, label in read], np.int64)
    return X[: len(read)], y, tuple(place.name for place in classes)


def image(
    path: str | os.PathLike[str], *, size: tuple[int, int] | None = None, grey: bool = False
) -> NDArray[np.uint8]:
    """Return one image from a file, in the orientation of its metadata, with transparency replaced by white.

    Args:
        path: a file of any format that Pillow reads. The first frame of an animation is read. 16-bit greyscale is
            scaled to 8 bits.
        size: height and width to resize it to; its proportions are not kept.
        grey: whether to return its brightness (0.299 red + 0.587 green + 0.114 blue) instead of red, green and blue.

    Returns:
        uint8 `(height, width, 3)`, or `(height, width)` if grey.

    Raises:
        ValueError: the file is not an image or is damaged, or its pixels are 32-bit integers or floating-point numbers.
        TypeError: `size` is not a pair of integers.
        OSError: the file cannot be read.
        ImportError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError('datasets: images are read by Pillow: pip install "tensorgrad[examples]"') from error
    shape = None if size is None else _checked_size(size)
    with open_regular(expanded(path, "datasets"), ValueError) as file:
        try:
            with Image.open(file) as opened:
                upright = _on_white(ImageOps.exif_transpose(_of_8_bits(opened, Image)), Image)
                upright = upright.convert("L" if grey else "RGB")
        except Exception as error:  # of a damaged file, Pillow's decoders raise whatever comes
            raise ValueError(f"datasets: {path} cannot be read as an image: {error}.") from error
    if shape is not None:
        upright = upright.resize(shape[::-1])
    return np.array(upright)


def _is_hidden(path: Path) -> bool:
    """Return whether a file or folder belongs to the operating system, not to the data."""
    return path.name.startswith(".") or path.name == "__MACOSX"


def _image_files(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield the images in a folder and its subfolders, in alphabetical order; `above` are the parent folders."""
    real = folder.resolve()
    if real in above:  # a link to one of its parent folders
        return
    for entry in sorted(folder.iterdir()):
        if _is_hidden(entry):
            continue
        if entry.is_dir():
            yield from _image_files(entry, (*above, real))
        elif entry.suffix.lower() in SUFFIXES:
            yield entry


def _check_classes(classes: list[Path], found: set[int], allow_empty: bool) -> None:
    """Reject classes without images."""
    empty = [str(place) for label, place in enumerate(classes) if label not in found]
    if empty and not allow_empty:
        raise ValueError(
            f"datasets.images: {empty[0]} has no images. If classes may be empty, pass allow_empty=True; images end in "
            f"{', '.join(SUFFIXES)}."
        )
    if len(empty) == len(classes):
        raise ValueError(f"datasets.images: none of the {len(classes)} classes has images ({', '.join(empty)}).")


def _of_8_bits(image: Any, pillow: Any) -> Any:
    """Return the image with 8 bits per channel. Pillow converts all formats but greyscale by itself."""
    if not image.mode.startswith(("I", "F")):
        return image
    older = image.mode == "I" and image.format == "PNG"  # how older versions of Pillow read grey of 16 bits
    if not (image.mode.startswith("I;16") or older):
        raise ValueError(f"pixels of kind {image.mode!r}; expected 8 bits for each colour, or 16 bits of grey")
    values = np.asarray(image).astype(np.uint32)
    shallow = pillow.fromarray(((values + 128) // 257).astype(np.uint8))  # 65535 = 255 · 257
    transparent = image.info.get("transparency")
    if transparent is not None:
        shallow.putalpha(pillow.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    shallow.getexif().update(image.getexif())
    return shallow


def _checked_size(size: tuple[int, int]) -> tuple[int, int]:
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise TypeError(f"datasets: size must be a pair, (height, width), got {size!r}.")
    height, width = (whole_number("datasets: height and width", side) for side in size)
    return height, width


def _on_white(image: Any, pillow: Any) -> Any:
    """Return the image, on a white background if it is transparent. Plain conversion would show hidden pixels."""
    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image
    covered = image.convert("RGBA")
    return pillow.alpha_composite(pillow.new("RGBA", covered.size, "white"), covered)


def _of_shape(shape: tuple[int, ...], pixels: NDArray[np.uint8], file: Path, first: Path) -> NDArray[np.uint8]:
    if pixels.shape != shape:
        raise ValueError(
            f"datasets.images: {file} has {pixels.shape[0]}×{pixels.shape[1]} pixels (height × width), but {first} has "
            f"{shape[0]}×{shape[1]}. Give size=(height, width) to resize them all."
        )
    return pixels
