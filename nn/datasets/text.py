"""Text: first names, and plays of Shakespeare."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from nn.datasets.fetching import cache_folder, fetch, folders_to_search


@dataclass(frozen=True)
class PublishedText:
    """Text file as it was published.

    Attributes:
        name: the name of the function that reads it, and of its folder.
        file: the name of the file.
        mirrors: URLs of folders that contain the file.
        md5: its checksum, against corruption.
    """

    name: str
    file: str
    mirrors: tuple[str, ...]
    md5: str


NAMES = PublishedText(
    "names",
    "names.txt",
    ("https://raw.githubusercontent.com/karpathy/makemore/master/",),
    "401b3c4cac9e28a586ed15e81256680d",
)
TINY_SHAKESPEARE = PublishedText(
    "tiny_shakespeare",
    "input.txt",
    ("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",),
    "6fb458f1232090904fb40fe944165e91",
)


def names(directory: str | os.PathLike[str] | None = None, *, download: bool = True) -> list[str]:
    """Return 32,033 first names of 2 to 15 lower-case letters, a to z, in order of their frequency.

    The most frequent names in the public statistics of the US Social Security Administration, girls' names before
    boys'; names of both occur twice. Published with https://github.com/karpathy/makemore. The file `names.txt` is
    searched for in `directory`, then in the folder named by the environment variable `TENSORGRAD_DATA` (in both, also
    in a folder `names`), then in the user's cache folder. A file that is not found is downloaded into the cache
    (0.2 MB). It is used only if its checksum is that of the published one.

    Args:
        directory: the folder to search first.
        download: whether a missing file may be downloaded.

    Raises:
        ValueError: the file is damaged, or not the published one.
        FileNotFoundError: the missing file cannot (or may not) be downloaded. The message names it and where to put it.
        ImportError: the file is missing, and pooch, which downloads it, is not installed.
    """
    return read(NAMES, directory, download=download).split()


def tiny_shakespeare(directory: str | os.PathLike[str] | None = None, *, download: bool = True) -> str:
    """Return 1,115,394 characters, 65 different ones, of plays by Shakespeare.

    Published with Andrej Karpathy's *The Unreasonable Effectiveness of Recurrent Neural Networks*, 2015,
    https://github.com/karpathy/char-rnn. The first 1,003,854 characters are usually the training data and the rest the
    validation data.

    Arguments and errors are as for `names`; the file is `input.txt`, the folder `tiny_shakespeare` (1.1 MB).
    """
    return read(TINY_SHAKESPEARE, directory, download=download)


def read(published: PublishedText, directory: str | os.PathLike[str] | None = None, *, download: bool = True) -> str:
    """Return the text of a published file; see `names`."""
    folders = folders_to_search(published.name, directory, ("", published.name))
    path = next((folder / published.file for folder in folders if (folder / published.file).is_file()), None)
    if path is None:
        cache = cache_folder(published.name)
        path = cache / published.file
        if not path.is_file():
            mirrors = published.mirrors if download else ()
            fetch(published.name, {published.file: published.md5}, mirrors, cache, folders)
    content = path.read_bytes()
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != published.md5:
        raise ValueError(
            f"{path}: this is not {published.file} of {published.name}: the MD5 of its {len(content):,} bytes is "
            f"{found}, expected {published.md5}. Remove it, and the published file is searched for elsewhere."
        )
    return content.decode("ascii")
