"""Text: first names, and plays of Shakespeare."""

from __future__ import annotations

import os

from nn.datasets.fetching import PublishedFile

NAMES = PublishedFile(
    "names",
    "names.txt",
    ("https://raw.githubusercontent.com/karpathy/makemore/master/",),
    "401b3c4cac9e28a586ed15e81256680d",
)
TINY_SHAKESPEARE = PublishedFile(
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
    path = NAMES.find(directory, download=download)
    return path.read_text(encoding="ascii").split()


def tiny_shakespeare(directory: str | os.PathLike[str] | None = None, *, download: bool = True) -> str:
    """Return 1,115,394 characters, 65 different ones, of plays by Shakespeare.

    Published with Andrej Karpathy's *The Unreasonable Effectiveness of Recurrent Neural Networks*, 2015,
    https://github.com/karpathy/char-rnn. The first 1,003,854 characters are usually the training data and the rest the
    validation data.

    Arguments and errors are as for `names`; the file is `input.txt`, the folder `tiny_shakespeare` (1.1 MB).
    """
    path = TINY_SHAKESPEARE.find(directory, download=download)
    return path.read_bytes().decode("ascii")
