"""Images from files, by Pillow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn._validation import whole_number
from nn.datasets.generated import Labels

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def images(
    folder: str | os.PathLike[str], *, size: tuple[int, int] | None = None, grey: bool = False
) -> tuple[NDArray[np.uint8], Labels, tuple[str, ...]]:
    """All images in the folders of a folder: a folder for each class, named after it.

    Args:
        folder: its folders, in alphabetical order, are the classes 0, 1, …; files directly in it are left out.
            In a class, files that end in .png, .jpg or another of `SUFFIXES` are read; others are left out.
        size: height and width that every image is resized to. Default: they all have the same size.
        grey: see `image`.

    Returns:
        X uint8 `(samples, height, width, 3)`, or `(samples, height, width)` if grey; y `(samples,)`, the number of the
        class; and the names of the classes. Class after class, the files of each in alphabetical order.

    Raises:
        ValueError: a file is no image or a damaged one, has another size than the first, or a kind of pixels that is
            not supported; there are no classes, or one without images. Names the file or folder.
        OSError: the folder cannot be read.
        ImportError: Pillow is not installed.
    """
    folder = Path(folder)
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not classes:
        raise ValueError(f"datasets.images: {folder} has no folders; expected one for each class.")
    files: list[Path] = []
    labels: list[int] = []
    for label, place in enumerate(classes):
        found = sorted(f for f in place.iterdir() if f.suffix.lower() in SUFFIXES and not f.name.startswith("."))
        if not found:
            raise ValueError(f"datasets.images: {place} has no images.")
        files += found
        labels += [label] * len(found)
    first = image(files[0], size=size, grey=grey)
    X = np.empty((len(files), *first.shape), np.uint8)
    for number, file in enumerate(files):
        X[number] = _of_shape(first.shape, image(file, size=size, grey=grey), file, files[0])
    return X, np.array(labels, np.int64), tuple(place.name for place in classes)


def image(
    path: str | os.PathLike[str], *, size: tuple[int, int] | None = None, grey: bool = False
) -> NDArray[np.uint8]:
    """One image from a file, upright as its camera says. What is transparent shows white, as on paper.

    Args:
        path: a file of any format that Pillow reads. Of a moving image, the first frame counts.
        size: height and width to resize it to; its proportions are not kept.
        grey: whether its brightness is wanted (0.299 red + 0.587 green + 0.114 blue), instead of red, green and blue.

    Returns:
        uint8 `(height, width, 3)`, or `(height, width)` if grey.

    Raises:
        ValueError: the file is no image or a damaged one, or its pixels have more than 8 bits.
        TypeError: `size` is no pair of whole numbers.
        OSError: it cannot be read.
        ImportError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError('datasets: images are read by Pillow: pip install "tensorgrad[examples]"') from error
    shape = None if size is None else _checked_size(size)
    with Path(path).open("rb") as file:
        try:
            with Image.open(file) as opened:
                if opened.mode.startswith(("I", "F")):
                    raise ValueError(f"pixels of kind {opened.mode!r}; expected 8 bits for each colour")
                upright = _on_white(ImageOps.exif_transpose(opened), Image).convert("L" if grey else "RGB")
        except Exception as error:  # of a damaged file, Pillow's decoders raise whatever comes
            raise ValueError(f"datasets: {path} cannot be read as an image: {error}.") from error
    if shape is not None:
        upright = upright.resize(shape[::-1])
    return np.array(upright)


def _checked_size(size: tuple[int, int]) -> tuple[int, int]:
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise TypeError(f"datasets: size must be a pair, (height, width), got {size!r}.")
    height, width = (whole_number("datasets: height and width", side) for side in size)
    return height, width


def _on_white(image: Any, pillow: Any) -> Any:
    """The image; if it is transparent, laid onto white paper. Converted as it is, it would show what is hidden."""
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
