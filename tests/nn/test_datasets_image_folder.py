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


def test_images_reads_a_folder_per_class(folder: Path) -> None:
    X, y, classes = datasets.images(folder, grey=True)
    assert (X.shape, X.dtype, y.dtype, classes) == ((4, 4, 6), np.uint8, np.int64, ("a", "b"))
    np.testing.assert_array_equal(y, [0, 0, 1, 1])
    np.testing.assert_array_equal(X[:, 0, 0], [30, 40, 10, 20])
    colours, _, _ = datasets.images(str(folder))
    assert colours.shape == (4, 4, 6, 3)
    np.testing.assert_array_equal(colours[..., 2], X)


def test_images_have_the_requested_size(folder: Path) -> None:
    odd = picture(folder / "b" / "odd.png", np.full((6, 4), 99))
    with pytest.raises(
        ValueError, match=rf"{odd} has 6×4 pixels \(height × width\), but .*x\.PNG has 4×6\. Give size="
    ):
        datasets.images(folder)
    X, _, _ = datasets.images(folder, size=(2, 3), grey=True)
    assert X.shape == (5, 2, 3)
    np.testing.assert_array_equal(X[-1], 99)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp"])
def test_images_rejects_damaged_files_by_name(folder: Path, rng: np.random.Generator, suffix: str) -> None:
    path = picture(folder / "b" / f"z{suffix}", rng.integers(0, 256, size=(40, 60)))
    whole = path.read_bytes()
    for broken in (whole[: len(whole) // 2], whole[:10], b"", b"not an image at all", b"\0" * 500):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=rf"{path} cannot be read as an image: "):
            datasets.images(folder)


def test_image_reads_one_file(tmp_path: Path) -> None:
    red = picture(tmp_path / "red.png", np.full((2, 3, 3), [255, 0, 0]))
    np.testing.assert_array_equal(datasets.image(red), np.full((2, 3, 3), [255, 0, 0]))
    np.testing.assert_array_equal(datasets.image(red, grey=True), np.full((2, 3), 76))  # 0.299 · 255
    assert datasets.image(red, size=(28, 20), grey=True).shape == (28, 20)
    assert datasets.image(red).flags.writeable


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_image_is_white_where_transparent(mode: str, tmp_path: Path) -> None:
    pixels = np.zeros((1, 3, 4), np.uint8)  # black everywhere, and visible from left to right
    pixels[0, :, 3] = [0, 128, 255] if mode != "P" else [0, 255, 255]
    image = Image.fromarray(pixels)
    (image.quantize() if mode == "P" else image.convert(mode)).save(tmp_path / "hole.png")
    middle = 0 if mode == "P" else 127
    np.testing.assert_array_equal(datasets.image(tmp_path / "hole.png", grey=True), [[255, middle, 0]])


def test_image_rejects_wrong_sizes(folder: Path) -> None:
    for size, error, message in (
        (8, TypeError, "a pair"),
        ((8, 2.5), TypeError, "must be an integer"),
        ((0, 3), ValueError, "1, got 0"),
    ):
        with pytest.raises(error, match=f"datasets: .*{message}"):
            datasets.images(folder, size=size)  # type: ignore[arg-type]


def test_image_follows_the_orientation_of_the_camera(tmp_path: Path) -> None:
    pixels = np.zeros((2, 3), np.uint8)
    pixels[0, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(datasets.image(tmp_path / "turned.png", grey=True), np.rot90(pixels, -1))


def test_image_scales_grey_of_16_bits(tmp_path: Path) -> None:
    values = np.array([[0, 128, 129, 4000], [32896, 65406, 65407, 65535]], np.uint16)
    for suffix in (".png", ".tif"):
        path = tmp_path / f"deep{suffix}"
        Image.fromarray(values).save(path)
        np.testing.assert_array_equal(datasets.image(path, grey=True), [[0, 0, 1, 16], [128, 254, 255, 255]])
        np.testing.assert_array_equal(datasets.image(path)[..., 1], datasets.image(path, grey=True))


def test_image_of_16_bits_is_white_where_transparent_and_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it
    deep = Image.fromarray(np.array([[0, 257], [514, 771]], np.uint16))
    try:
        deep.save(tmp_path / "x.png", transparency=257, exif=exif)
    except OSError as error:
        pytest.skip(f"this Pillow does not write such files: {error}")
    np.testing.assert_array_equal(datasets.image(tmp_path / "x.png", grey=True), [[2, 0], [3, 255]])


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_image_refuses_more_than_16_bits(tmp_path: Path, dtype: Any) -> None:
    Image.fromarray(np.full((2, 2), 4000, dtype)).save(tmp_path / "deep.tif")
    with pytest.raises(ValueError, match=r"deep\.tif .*pixels of kind '[IF]'; expected 8 bits"):
        datasets.image(tmp_path / "deep.tif", grey=True)


def test_images_reads_folders_inside_a_class(folder: Path) -> None:
    for name in ("a/more/1.png", "a/more/still/2.png", "b/0/3.png"):
        picture(folder / name, np.full((4, 6), 7))
    picture(folder / "a/.cache/4.png", np.full((4, 6), 8))
    (folder / "a/more/again").symlink_to(folder / "a")
    X, y, classes = datasets.images(folder, grey=True)
    assert classes == ("a", "b")
    np.testing.assert_array_equal(y, [0, 0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(X[:, 0, 0], [7, 7, 30, 40, 7, 10, 20])


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "JPEG", "pbm", "pnm"])
def test_images_reads_every_common_suffix(folder: Path, suffix: str) -> None:
    kind = "PPM" if suffix.startswith("p") else "JPEG"
    Image.fromarray(np.full((4, 6), 255, np.uint8)).save(folder / "b" / f"z.{suffix}", format=kind)
    assert datasets.images(folder, grey=True)[0][-1].mean() == 255


def test_images_leaves_out_what_an_operating_system_adds(folder: Path) -> None:
    before, _, classes = datasets.images(folder)
    for name in ("__MACOSX/a/._x.png", "a/__MACOSX/._y.png", "a/._x.png", "a/Thumbs.db", "b/desktop.ini"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"no image")
    after, _, same_classes = datasets.images(folder)
    assert classes == same_classes
    np.testing.assert_array_equal(before, after)


def test_images_allows_empty_classes_if_asked(folder: Path) -> None:
    (folder / "aa").mkdir()
    (folder / "aa" / "Thumbs.db").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"aa has no images\. If classes may be empty, pass allow_empty=True"):
        datasets.images(folder)
    _, y, classes = datasets.images(folder, allow_empty=True)
    assert classes == ("a", "aa", "b")
    np.testing.assert_array_equal(y, [0, 0, 2, 2])


def test_images_refuses_a_folder_of_empty_classes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match=r"none of the 1 classes has images"):
        datasets.images(tmp_path, allow_empty=True)


def test_images_skips_damaged_files_if_asked_and_names_them(folder: Path) -> None:
    whole = (folder / "b" / "2.png").read_bytes()
    (folder / "a" / "0.png").write_bytes(whole[: len(whole) // 2])  # the first file of all
    (folder / "b" / "3.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"0\.png cannot be read as an image"):
        datasets.images(folder)
    with pytest.warns(UserWarning, match=r"(?s)2 of 6 files are left out:.*0\.png cannot .*3\.png cannot") as seen:
        X, y, _ = datasets.images(folder, grey=True, skip_damaged=True)
    assert seen[0].filename == __file__
    np.testing.assert_array_equal(X[:, 0, 0], [30, 40, 10, 20])
    np.testing.assert_array_equal(y, [0, 0, 1, 1])


def test_images_refuses_a_class_of_damaged_files(folder: Path) -> None:
    for path in (folder / "a").glob("*.[pP]*"):
        path.write_bytes(b"no image")
    with pytest.warns(UserWarning, match="left out"), pytest.raises(ValueError, match=r"a has no images"):
        datasets.images(folder, skip_damaged=True)
    with pytest.warns(UserWarning, match="left out"):
        assert datasets.images(folder, skip_damaged=True, allow_empty=True)[1].tolist() == [1, 1]


def test_images_expands_the_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(folder.parent))
    assert len(datasets.images(f"~/{folder.name}")[0]) == 4
    assert datasets.image(f"~/{folder.name}/b/2.png", grey=True)[0, 0] == 20


def test_images_rejects_folders_without_classes_or_images(folder: Path, tmp_path: Path) -> None:
    (folder / "c").mkdir()
    with pytest.raises(ValueError, match=rf"{folder / 'c'} has no images"):
        datasets.images(folder)
    with pytest.raises(ValueError, match=r"a has no folders; expected one for each class"):
        datasets.images(folder / "a")
    with pytest.raises(FileNotFoundError):
        datasets.images(tmp_path / "nowhere")


def test_image_without_pillow_names_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r'pip install "tensorgrad\[examples\]"'):
        datasets.images(folder)
