"""Where the files of a data set are searched for, and downloads with pooch into the user's cache folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nn._files import expanded

ENVIRONMENT_VARIABLE = "TENSORGRAD_DATA"


@dataclass(frozen=True)
class PublishedFile:
    """Data set in a single file, as it was published.

    Attributes:
        name: the name of the function that reads it, and of its folder.
        file: the name of the file.
        mirrors: URLs of folders that contain the file.
        md5: its checksum, against corruption.
        folders: names of folders that may contain it, besides `name`.
    """

    name: str
    file: str
    mirrors: tuple[str, ...]
    md5: str
    folders: tuple[str, ...] = ()

    def find(self, directory: str | os.PathLike[str] | None, *, download: bool) -> Path:
        """Return where the verified file is, after downloading it into the cache if it is nowhere.

        Raises:
            ValueError: a file of that name is not the published one.
            FileNotFoundError: the missing file cannot (or may not) be downloaded.
            ImportError: the file is missing, and pooch, which downloads it, is not installed.
        """
        path = self.local(directory)
        if path is not None:
            return path
        cache = cache_folder(self.name)
        path = cache / self.file
        if not path.is_file():
            folders = self._folders(directory)
            fetch(self.name, {self.file: self.md5}, self.mirrors if download else (), cache, folders)
        return self._verified(path)

    def local(self, directory: str | os.PathLike[str] | None) -> Path | None:
        """Return where the verified file is outside the cache, or None.

        Raises:
            ValueError: a file of that name is not the published one.
        """
        path = next((place / self.file for place in self._folders(directory) if (place / self.file).is_file()), None)
        return None if path is None else self._verified(path)

    def _folders(self, directory: str | os.PathLike[str] | None) -> list[Path]:
        return folders_to_search(self.name, directory, ("", self.name, *self.folders))

    def _verified(self, path: Path) -> Path:
        with path.open("rb") as content:
            found = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if found != self.md5:
            raise ValueError(
                f"{path}: this is not {self.file} of {self.name}: its MD5 is {found}, expected {self.md5}. Remove it, "
                "and the published file is searched for elsewhere."
            )
        return path


def folders_to_search(name: str, directory: str | os.PathLike[str] | None, inside: Iterable[str]) -> list[Path]:
    """Return where to search for the files of a data set before the cache.

    Args:
        name: the name of the data set in messages.
        directory: the folder to search first; then comes the one named by `TENSORGRAD_DATA`.
        inside: the folders in each of them, `""` for itself.
    """
    named = [
        expanded(place, f"datasets.{name}") for place in (directory, os.environ.get(ENVIRONMENT_VARIABLE)) if place
    ]
    return [place / folder for place in named for folder in inside]


def cache_folder(name: str) -> Path:
    """Return the folder where the files of a data set are cached.

    Raises:
        ImportError: pooch, which determines the folder, is not installed.
    """
    return Path(_pooch(name).os_cache("tensorgrad")) / name


def fetch(
    name: str, files: Mapping[str, str | None], mirrors: Sequence[str], folder: Path, searched: Iterable[Path]
) -> None:
    """Download files into `folder`, each from the first mirror that has it.

    Args:
        name: the name of the data set in messages.
        files: the MD5 checksum of each file, by file name; None if the caller verifies what is in it.
        mirrors: URLs to which file names are appended; empty if downloads are not allowed.
        folder: the destination, created if it does not exist.
        searched: the locations already searched, for messages.

    Raises:
        FileNotFoundError: files could not be downloaded. The message lists them, their checksums and the folder.
    """
    for file, checksum in files.items():
        reasons = _download(name, file, checksum, mirrors, folder)
        if reasons:
            missing = {file: checksum for file, checksum in files.items() if not (folder / file).is_file()}
            wanted = [file if checksum is None else f"{file}  MD5 {checksum}" for file, checksum in missing.items()]
            raise FileNotFoundError(
                f"datasets.{name}: {file} is not in {', '.join(map(str, [*searched, folder]))}, and could not be "
                f"downloaded:\n  {_lines(reasons)}\n"
                f"Put these files into {folder}, or name their folder by directory= or $TENSORGRAD_DATA:\n  "
                f"{_lines(wanted)}"
            )


def _download(name: str, file: str, checksum: str | None, mirrors: Sequence[str], folder: Path) -> list[str]:
    """Download a file. Return the reason of each mirror's failure; empty on success."""
    reasons = [] if mirrors else ["download=False"]
    expected = None if checksum is None else f"md5:{checksum}"
    for mirror in mirrors:
        try:
            _pooch(name).retrieve(mirror + file, expected, file, folder, progressbar=True)
        except (OSError, ValueError) as error:  # no connection, no such file, disk full, or wrong checksum
            reasons.append(f"{mirror}: {error}")
        else:
            return []
    return reasons


def _lines(items: Iterable[str]) -> str:
    return "\n  ".join(items)


def _pooch(name: str) -> Any:
    try:
        import pooch
    except ImportError as error:
        raise ImportError(
            f"datasets.{name}: the files are not in directory= or $TENSORGRAD_DATA. To download them, pip install "
            '"tensorgrad[examples]"'
        ) from error
    return pooch
