"""Blood cells: photos through a microscope, with a box around each cell."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nn.datasets.fetching import cache_folder, fetch, folders_to_search
from nn.datasets.generated import Floats, Labels
from nn.datasets.image_folder import image

BLOOD_CELL_CLASSES = ("red blood cell", "white blood cell", "platelet")
"""The names of the labels 0 … 2 of the blood cells."""

ARCHIVE = "master.zip"
MIRRORS = ("https://github.com/Shenggan/BCCD_Dataset/archive/refs/heads/",)
ANNOTATIONS = "annotations.json"
NAMES = ("RBC", "WBC", "Platelets")
"""The names of the classes in the files."""
TEST = (
    7, 15, 18, 21, 33, 57, 62, 65, 68, 75, 88, 98, 132, 136, 149, 161, 169, 172, 180, 205, 220, 226, 229, 234, 253, 282,
    287, 293, 303, 320, 327, 341, 360, 366, 385, 391,
)  # fmt: skip
"""The numbers of the test photos: half of the published test split."""
DIGESTS = {
    "train": "f348781141816b5d61ede282c9a6c89a",
    "validation": "94bcc6abf315d98ee7cca06a536a85a9",
    "test": "020894e00592a325221a0970f64e02c8",
}
"""The MD5 checksum of the photos and boxes of each split. GitHub packs its archives anew, so they have none."""

Split = Literal["train", "validation", "test"]
Images = NDArray[np.uint8]


class _Photo(NamedTuple):
    file: str
    boxes: Any
    labels: Any


def blood_cells(
    directory: str | os.PathLike[str] | None = None,
    *,
    split: Split = "train",
    size: tuple[int, int] | None = None,
    download: bool = True,
) -> tuple[Images, list[tuple[Floats, Labels]]]:
    """Return photos of blood through a microscope, with a box around each cell; see `BLOOD_CELL_CLASSES`.

    The BCCD dataset, https://github.com/Shenggan/BCCD_Dataset: 205 photos for training, 87 for validation and 36 for
    testing, half of the published test photos. Many red cells at the border or out of focus have no box. The file
    `annotations.json` and the folder `images` next to it are searched for in `directory`, then in the folder named by
    the environment variable `TENSORGRAD_DATA` (in both, also in a folder `blood_cells`), then in the user's cache
    folder. If they are not found, the repository's archive `master.zip`, which may also be in one of these folders, is
    downloaded (8 MB) and unpacked into the cache. Photos and boxes are used only if their checksum is that of the
    published ones.

    Args:
        directory: the folder to search first.
        split: which photos to return: `"train"`, `"validation"` or `"test"`.
        size: the height and width to resize the photos to; the boxes are scaled with them. Default: 480×640 pixels.
        download: whether a missing file may be downloaded.

    Returns:
        X, y: X uint8 `(photos, height, width, 3)`; y a pair for each photo, the boxes `(cells, 4)` as left, top, right
            and bottom in pixels, and their labels `(cells,)`.

    Raises:
        ValueError: an unknown split; the files are damaged, or not the published ones.
        FileNotFoundError: the missing file cannot (or may not) be downloaded. The message names it and where to put it.
        ImportError: Pillow, which reads the photos, is not installed; or the files are missing and pooch, which
            downloads them, is not installed.
    """
    if split not in DIGESTS:
        raise ValueError(f"datasets.blood_cells: split must be one of {', '.join(map(repr, DIGESTS))}, got {split!r}.")
    folder = _found(directory, download=download)
    photos = _photos(folder, split)
    _verify(photos, split, {photo.file: (folder / photo.file).read_bytes() for photo in photos}, folder)
    X = np.stack([image(folder / photo.file, size=size) for photo in photos])
    scale = np.tile(np.divide(X.shape[2:0:-1], (640, 480)), 2)
    y = [((photo.boxes * scale).astype(np.float32), np.array(photo.labels, np.int64)) for photo in photos]
    return X, y


def _found(directory: str | os.PathLike[str] | None, *, download: bool) -> Path:
    """Return the folder of the annotations, after unpacking the archive into the cache if there are none."""
    folders = folders_to_search("blood_cells", directory, ("", "blood_cells"))
    for folder in folders:
        if (folder / ANNOTATIONS).is_file():
            return folder
    cache = cache_folder("blood_cells")
    if not (cache / ANNOTATIONS).is_file():
        archive = next((place / ARCHIVE for place in (*folders, cache) if (place / ARCHIVE).is_file()), None)
        if archive is None:
            archive = cache / ARCHIVE
            fetch("blood_cells", {ARCHIVE: None}, MIRRORS if download else (), cache, folders)
        unpack(archive, cache)
    return cache


def _photos(folder: Path, split: Split) -> list[_Photo]:
    try:
        content = json.loads((folder / ANNOTATIONS).read_text(encoding="utf-8"))
        return [
            _Photo(each["file"], np.array(each["boxes"], np.int32), each["labels"])
            for each in content["images"]
            if each["split"] == split
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / ANNOTATIONS}: this is not {ANNOTATIONS} of blood_cells ({error!r}).") from error


def digest(photos: list[_Photo], content: Mapping[str, bytes]) -> str:
    """Return the MD5 checksum of photos, their boxes and their labels; `content` are the bytes of their files."""
    total = hashlib.md5(usedforsecurity=False)
    for photo in photos:
        total.update(content[photo.file])
        total.update(np.column_stack([photo.boxes, photo.labels]).astype("<i4").tobytes())
    return total.hexdigest()


def _verify(photos: list[_Photo], split: Split, content: Mapping[str, bytes], place: Path) -> None:
    found = digest(photos, content)
    if found != DIGESTS[split]:
        raise ValueError(
            f"{place}: these are not the {split} photos of blood_cells: their MD5 is {found}, expected "
            f"{DIGESTS[split]}. Remove them, and the published ones are searched for elsewhere."
        )


def unpack(archive: Path, folder: Path) -> None:
    """Write the photos and annotations of the repository's archive into a folder.

    Raises:
        ValueError: the archive is damaged, or has other photos or boxes than the published ones.
    """
    import zipfile
    from xml.etree import ElementTree

    try:
        with zipfile.ZipFile(archive) as packed:
            root = packed.namelist()[0].split("/")[0] + "/BCCD/"
            splits: dict[Split, list[str]] = {
                "train": packed.read(f"{root}ImageSets/Main/train.txt").decode().split(),
                "validation": packed.read(f"{root}ImageSets/Main/val.txt").decode().split(),
                "test": [f"BloodImage_{number:05}" for number in TEST],
            }
            entries: list[dict[str, Any]] = []
            content: dict[str, bytes] = {}
            for split, names in splits.items():
                photos = [_annotated(packed.read(f"{root}Annotations/{name}.xml"), name) for name in sorted(names)]
                content |= {photo.file: packed.read(f"{root}JPEGImages/{Path(photo.file).name}") for photo in photos}
                _verify(photos, split, content, archive)
                entries += [
                    {"file": photo.file, "split": split, "boxes": photo.boxes.tolist(), "labels": photo.labels}
                    for photo in photos
                ]
    except (zipfile.BadZipFile, IndexError, KeyError, ElementTree.ParseError) as error:
        raise ValueError(f"{archive}: this is not the archive of blood_cells ({error!r}).") from error
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for file, pixels in content.items():
        (folder / file).write_bytes(pixels)
    unfinished = folder / f"{ANNOTATIONS}.part"
    unfinished.write_text(json.dumps({"classes": NAMES, "images": entries}), encoding="utf-8")
    unfinished.replace(folder / ANNOTATIONS)  # last, so that a folder with annotations has all photos


def _annotated(text: bytes, name: str) -> _Photo:
    """Return a photo with the boxes of its annotation. Boxes without area are left out."""
    from xml.etree import ElementTree

    boxes, labels = [], []
    for cell in ElementTree.parse(io.BytesIO(text)).getroot().iter("object"):
        corners = [int(cell.findtext(f"bndbox/{side}", "")) for side in ("xmin", "ymin", "xmax", "ymax")]
        if corners[0] < corners[2] and corners[1] < corners[3]:
            boxes.append(corners)
            labels.append(NAMES.index(cell.findtext("name", "")))
    return _Photo(f"images/{name}.jpg", np.array(boxes, np.int32), labels)
