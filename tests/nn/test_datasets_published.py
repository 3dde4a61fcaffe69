"""Data sets in a single file: found, verified, or refused with a message. No test downloads anything."""

import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nn import datasets
from nn.datasets import cells, cifar, series
from nn.datasets.fetching import ENVIRONMENT_VARIABLE, PublishedFile
from nn.datasets.text import NAMES

DATA = os.environ.get(ENVIRONMENT_VARIABLE)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    pooch = pytest.importorskip("pooch", reason="comes with the examples extra")
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")


def test_text_is_found_in_each_place(tmp_path, monkeypatch):
    content = b"ada\ngrace\n"
    published = PublishedFile("small", "small.txt", (), hashlib.md5(content).hexdigest())
    folders = {name: tmp_path / name for name in ("directory", "environment", "cache")}
    for place in (folders["cache"] / "small", folders["environment"] / "small", folders["directory"]):
        place.mkdir(parents=True)
        (place / "small.txt").write_bytes(content)
        if place == folders["environment"] / "small":
            (folders["cache"] / "small" / "small.txt").write_bytes(b"not used")
            monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(folders["environment"]))
        assert published.find(folders["directory"], download=False).read_bytes() == content


def test_text_other_than_the_published_one_is_refused(tmp_path):
    (tmp_path / NAMES.file).write_text("ada\n")
    with pytest.raises(ValueError, match=r"names.txt: this is not names.txt of names: its MD5 is"):
        datasets.names(tmp_path)


@pytest.mark.parametrize(
    "load",
    [
        datasets.names, datasets.tiny_shakespeare, datasets.cifar10, datasets.sunspots, datasets.airline_passengers,
        datasets.japanese_vowels,
    ],
)  # fmt: skip
def test_text_that_is_missing_is_named_with_its_checksum(load, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"download=False\nPut these files into .*\n  [\w.-]+  MD5 \w{32}"):
        load(tmp_path, download=False)


def test_names_and_tiny_shakespeare_are_as_documented():
    if not DATA or not Path(DATA, "names").is_dir() or not Path(DATA, "tiny_shakespeare").is_dir():
        pytest.skip(f"${ENVIRONMENT_VARIABLE} has no names and tiny_shakespeare")
    names, text = datasets.names(DATA), datasets.tiny_shakespeare(DATA)
    assert len(names) == 32_033
    assert names[:3] == ["emma", "olivia", "ava"]
    assert {len(name) for name in names} == set(range(2, 16))
    assert len(text) == 1_115_394
    assert len(set(text)) == 65


def test_time_series_are_as_documented():
    if not DATA or not Path(DATA, "sequences").is_dir():
        pytest.skip(f"${ENVIRONMENT_VARIABLE} has no sequences")
    for (months, numbers), first, last, ends in (
        (datasets.sunspots(DATA), "1749-01", "2009-06", [58.0, 2.6]),
        (datasets.airline_passengers(DATA), "1949-01", "1960-12", [112, 432]),
    ):
        after = np.datetime64(last) + np.timedelta64(1, "M")
        np.testing.assert_array_equal(months, np.arange(np.datetime64(first), after))
        assert (numbers.shape, numbers.dtype) == (months.shape, np.float64)
        assert numbers[[0, -1]].tolist() == ends
    X, y, X_test, y_test = datasets.japanese_vowels(DATA)
    assert (len(X), len(X_test), len(y_test)) == (270, 370, 370)
    np.testing.assert_array_equal(y, np.repeat(np.arange(9), 30))
    assert {each.shape[1] for each in X + X_test} == {12}
    assert (min(map(len, X + X_test)), max(map(len, X + X_test))) == (7, 29)
    assert X[0].dtype == np.float32
    np.testing.assert_allclose(X[0][:2, 0], [1.860936, 1.891651], rtol=1e-6)


def test_sunspots_and_vowels_are_read_in_the_published_formats(tmp_path):
    table, recordings = tmp_path / "sunspots.dat", tmp_path / "vowels.ts"
    table.write_text("  NUMBERS\nYear  Jan  Feb\n" + "1749 " + "1.5 " * 12 + "\n\n1750  2.0 3.0\n---\nSeen in 1824.\n")
    months, numbers = series._years(table)
    assert (str(months[0]), str(months[-1]), numbers[-2:].tolist()) == ("1749-01", "1750-02", [2.0, 3.0])
    recordings.write_text("#Of men\n@classLabel true 1 2\n@data\n1,2,3:4,5,6:2\n7:8:1\n")
    X, y = series._ts(recordings)
    assert [each.tolist() for each in X] == [[[1, 4], [2, 5], [3, 6]], [[7, 8]]]
    assert y.tolist() == [1, 0]


def tiny_archive(path, labels):
    """Write an archive of batches of two images each; every pixel of an image has its label in red, 1, and 2."""
    with tarfile.open(path, "w:gz") as archive:
        for member, pair in zip(cifar.MEMBERS, labels):
            records = np.zeros((2, 3073), np.uint8)
            records[:, 0] = pair
            records[:, 1:1025], records[:, 1025:2049], records[:, 2049:] = np.transpose([pair]), 1, 2
            header = tarfile.TarInfo(member)
            header.size = records.nbytes
            archive.addfile(header, io.BytesIO(records.tobytes()))


def test_cifar10_images_are_channels_last(tmp_path):
    tiny_archive(tmp_path / "tiny.tar.gz", np.arange(12).reshape(6, 2) % 10)
    X, y, X_test, y_test = cifar.read(tmp_path / "tiny.tar.gz")
    assert (X.shape, X.dtype, X_test.shape) == ((10, 32, 32, 3), np.uint8, (2, 32, 32, 3))
    np.testing.assert_array_equal(y, np.arange(10))
    np.testing.assert_array_equal(y_test, [0, 1])
    np.testing.assert_array_equal(X[7], np.broadcast_to(np.uint8([7, 1, 2]), (32, 32, 3)))


# -- blood cells ---------------------------------------------------------------------------------------------------


def annotated(boxes):
    """Return the annotation of a photo in the form of the archive."""
    sides = ("xmin", "ymin", "xmax", "ymax")
    entries = [
        f"<object><name>{name}</name><bndbox>"
        + "".join(f"<{side}>{number}</{side}>" for side, number in zip(sides, box))
        + "</bndbox></object>"
        for name, box in boxes
    ]
    return f"<annotation><size><width>640</width></size>{''.join(entries)}</annotation>"


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """An archive of one photo in each split, of 480×640 pixels in one colour, and its checksums."""
    pillow = pytest.importorskip("PIL.Image", reason="comes with the examples extra")
    boxes = {
        "BloodImage_00003": [("RBC", (64, 48, 128, 96)), ("Platelets", (1, 1, 11, 21))],
        "BloodImage_00000": [("WBC", (0, 0, 320, 240)), ("RBC", (5, 5, 5, 5))],
        "BloodImage_00007": [("RBC", (10, 10, 20, 20))],
    }
    monkeypatch.setattr(cells, "TEST", (7,))
    path, digests = tmp_path / cells.ARCHIVE, {}
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("BCCD_Dataset-master/", "")
        root = "BCCD_Dataset-master/BCCD/"
        splits = {"train": "BloodImage_00003", "validation": "BloodImage_00000", "test": "BloodImage_00007"}
        for split, file in (("train", "train.txt"), ("validation", "val.txt")):
            packed.writestr(f"{root}ImageSets/Main/{file}", splits[split] + "\n")
        for shade, (split, name) in enumerate(splits.items()):
            photo = io.BytesIO()
            pillow.new("RGB", (640, 480), (40 * shade, 100, 200)).save(photo, "JPEG")
            packed.writestr(f"{root}JPEGImages/{name}.jpg", photo.getvalue())
            packed.writestr(f"{root}Annotations/{name}.xml", annotated(boxes[name]))
            kept = [[*box, cells.NAMES.index(kind)] for kind, box in boxes[name] if box[0] < box[2]]
            digests[split] = hashlib.md5(photo.getvalue() + np.array(kept, "<i4").tobytes()).hexdigest()
    monkeypatch.setattr(cells, "DIGESTS", digests)
    return path


def test_blood_cells_are_unpacked_from_the_archive(archive, tmp_path):
    X, y = datasets.blood_cells(archive.parent, download=False)
    assert (X.shape, X.dtype) == ((1, 480, 640, 3), np.uint8)
    ((boxes, labels),) = y
    np.testing.assert_array_equal(boxes, np.array([[64, 48, 128, 96], [1, 1, 11, 21]], np.float32))
    np.testing.assert_array_equal(labels, [0, 2])
    archive.unlink()
    X, y = datasets.blood_cells(split="validation", size=(120, 80), download=False)  # from the cache
    assert X.shape == (1, 120, 80, 3)
    np.testing.assert_array_equal(y[0][0], np.array([[0, 0, 40, 60]], np.float32))
    assert y[0][1].tolist() == [1]
    assert datasets.blood_cells(split="test", download=False)[0].shape == (1, 480, 640, 3)


def test_blood_cells_other_than_the_published_ones_are_refused(archive, tmp_path):
    cells.unpack(archive, tmp_path / "whole")
    (tmp_path / "whole" / "images" / "BloodImage_00003.jpg").write_bytes(b"another")
    with pytest.raises(ValueError, match=r"these are not the train photos of blood_cells: their MD5 is \w{32}"):
        datasets.blood_cells(tmp_path / "whole")
    (tmp_path / "whole" / cells.ANNOTATIONS).write_text("[]")
    with pytest.raises(ValueError, match=r"annotations.json: this is not annotations.json of blood_cells"):
        datasets.blood_cells(tmp_path / "whole")
    archive.write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"master.zip: this is not the archive of blood_cells"):
        datasets.blood_cells(archive.parent)


def test_blood_cells_that_are_missing_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"download=False\nPut these files into .*\n  master.zip$"):
        datasets.blood_cells(tmp_path, download=False)
    with pytest.raises(ValueError, match="split must be one of 'train', 'validation', 'test', got 'all'"):
        datasets.blood_cells(tmp_path, split="all")


def test_blood_cells_are_as_documented():
    if not DATA or not Path(DATA, "blood_cells").is_dir():
        pytest.skip(f"${ENVIRONMENT_VARIABLE} has no blood_cells")
    pytest.importorskip("PIL", reason="comes with the examples extra")
    X, y = datasets.blood_cells(DATA, split="test", size=(48, 64))
    assert X.shape == (36, 48, 64, 3)
    assert np.bincount(np.concatenate([labels for _, labels in y])).tolist() == [406, 36, 31]
    assert len(datasets.BLOOD_CELL_CLASSES) == 3
    assert max(boxes.max() for boxes, _ in y) <= 64
