"""Folders of images: a folder per class, refused by name where something is wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn import datasets

Image = pytest.importorskip("PIL.Image")


def picture(path: Path, array: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, np.uint8)).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes: grey pictures of 4×6 pixels, all of one number."""
    for name, value in (("b/2.png", 20), ("b/10.bmp", 10), ("a/x.PNG", 30), ("a/y.png", 40)):
        picture(tmp_path / name, np.full((4, 6), value))
    (tmp_path / "b" / "Thumbs.db").write_bytes(b"no image")
    (tmp_path / "a" / ".hidden.png").write_bytes(b"no image")
    (tmp_path / ".git").mkdir()
    (tmp_path / "README.md").write_text("about", encoding="utf-8")
    return tmp_path


def test_a_folder_per_class(folder: Path) -> None:
    X, y, classes = datasets.images(folder, grey=True)
    assert (X.shape, X.dtype, y.dtype, classes) == ((4, 4, 6), np.uint8, np.int64, ("a", "b"))
    np.testing.assert_array_equal(y, [0, 0, 1, 1])
    np.testing.assert_array_equal(X[:, 0, 0], [30, 40, 10, 20])
    colours, _, _ = datasets.images(str(folder))
    assert colours.shape == (4, 4, 6, 3)
    np.testing.assert_array_equal(colours[..., 2], X)


def test_sizes(folder: Path) -> None:
    odd = picture(folder / "b" / "odd.png", np.full((6, 4), 99))
    with pytest.raises(
        ValueError, match=rf"{odd} has 6×4 pixels \(height × width\), but .*x\.PNG has 4×6\. Give size="
    ):
        datasets.images(folder)
    X, _, _ = datasets.images(folder, size=(2, 3), grey=True)
    assert X.shape == (5, 2, 3)
    np.testing.assert_array_equal(X[-1], 99)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp"])
def test_broken_files_are_refused_by_name(folder: Path, rng: np.random.Generator, suffix: str) -> None:
    path = picture(folder / "b" / f"z{suffix}", rng.integers(0, 256, size=(40, 60)))
    whole = path.read_bytes()
    for broken in (whole[: len(whole) // 2], whole[:10], b"", b"not an image at all", b"\0" * 500):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=rf"{path} cannot be read as an image: "):
            datasets.images(folder)


def test_one_image(tmp_path: Path) -> None:
    red = picture(tmp_path / "red.png", np.full((2, 3, 3), [255, 0, 0]))
    np.testing.assert_array_equal(datasets.image(red), np.full((2, 3, 3), [255, 0, 0]))
    np.testing.assert_array_equal(datasets.image(red, grey=True), np.full((2, 3), 76))  # 0.299 · 255
    assert datasets.image(red, size=(28, 20), grey=True).shape == (28, 20)
    assert datasets.image(red).flags.writeable


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(mode: str, tmp_path: Path) -> None:
    pixels = np.zeros((1, 3, 4), np.uint8)  # black everywhere, and visible from left to right
    pixels[0, :, 3] = [0, 128, 255] if mode != "P" else [0, 255, 255]
    image = Image.fromarray(pixels)
    (image.quantize() if mode == "P" else image.convert(mode)).save(tmp_path / "hole.png")
    middle = 0 if mode == "P" else 127
    np.testing.assert_array_equal(datasets.image(tmp_path / "hole.png", grey=True), [[255, middle, 0]])


def test_sizes_that_are_none(folder: Path) -> None:
    for size, error, message in (
        (8, TypeError, "a pair"),
        ((8, 2.5), TypeError, "whole"),
        ((0, 3), ValueError, "1, got 0"),
    ):
        with pytest.raises(error, match=f"datasets: .*{message}"):
            datasets.images(folder, size=size)  # type: ignore[arg-type]


def test_upright_as_the_camera_says(tmp_path: Path) -> None:
    pixels = np.zeros((2, 3), np.uint8)
    pixels[0, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(datasets.image(tmp_path / "turned.png", grey=True), np.rot90(pixels, -1))


def test_more_than_8_bits_are_refused_not_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 2), 4000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(ValueError, match=r"deep\.png .*pixels of kind 'I(;16)?'; expected 8 bits"):
        datasets.image(tmp_path / "deep.png", grey=True)


def test_folders_without_classes_or_images(folder: Path, tmp_path: Path) -> None:
    (folder / "c").mkdir()
    with pytest.raises(ValueError, match=rf"{folder / 'c'} has no images"):
        datasets.images(folder)
    with pytest.raises(ValueError, match=r"a has no folders; expected one for each class"):
        datasets.images(folder / "a")
    with pytest.raises(FileNotFoundError):
        datasets.images(tmp_path / "nowhere")


def test_without_pillow_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r'pip install "tensorgrad\[examples\]"'):
        datasets.images(folder)
