"""Time series: sunspots, airline passengers, and vowels of nine speakers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nn.datasets.fetching import PublishedFile
from nn.datasets.generated import Labels

Months = NDArray[np.datetime64]
Sequences = list[NDArray[np.float32]]

STATSMODELS = "https://raw.githubusercontent.com/statsmodels/statsmodels/v0.15.0/statsmodels/datasets/"
AEON = "https://raw.githubusercontent.com/aeon-toolkit/aeon/v1.6.0/aeon/datasets/data/"
FOLDERS = ("sequences",)
"""Where the files may be, besides a folder with the name of the data set."""

SUNSPOTS = PublishedFile(
    "sunspots",
    "sunspots_monthly.dat",
    (f"{STATSMODELS}sunspots/src/",),
    "bbe7fc290bba1b4c999272f94f32b2f6",
    FOLDERS,
)
AIRLINE_PASSENGERS = PublishedFile(
    "airline_passengers",
    "Airline.csv",
    (f"{AEON}Airline/",),
    "bdd6a95533afb45557d16f9fc940b592",
    FOLDERS,
)
JAPANESE_VOWELS = tuple(
    PublishedFile("japanese_vowels", f"JapaneseVowels_{part}.ts", (f"{AEON}JapaneseVowels/",), md5, FOLDERS)
    for part, md5 in (("TRAIN", "9165e3eec783ac6342d658685c864d19"), ("TEST", "14d15214e3ab6ac39ab2d48901d3e2a3"))
)
SUNSPOTS_CSV = PublishedFile("sunspots", "sunspots_monthly.csv", (), "85a90b64b4e8d5a8ef8c7b8bf4f55093", FOLDERS)
AIRLINE_CSV = PublishedFile(
    "airline_passengers", "airline_passengers.csv", (), "f183d0c0e7a5d75d8ee008ce92207ec1", FOLDERS
)
VOWELS_NPZ = PublishedFile("japanese_vowels", "japanese_vowels.npz", (), "7ef085f38717c33cad36a5a55fe3ba1e", FOLDERS)
"""The same numbers in one form: CSV files with a month and a number in each row, and NumPy arrays."""


def sunspots(
    directory: str | os.PathLike[str] | None = None, *, download: bool = True
) -> tuple[Months, NDArray[np.float64]]:
    """Return the monthly mean number of sunspots from January 1749 to June 2009.

    By the US National Geophysical Data Center, published with statsmodels. The file `sunspots_monthly.dat`, or a copy
    `sunspots_monthly.csv`, is searched for in `directory`, then in the folder named by the environment variable
    `TENSORGRAD_DATA` (in both, also in folders `sunspots` and `sequences`), then in the user's cache folder. A file
    that is not found is downloaded into the cache (21 kB). It is used only if its checksum is that of the published
    one.

    Args:
        directory: the folder to search first.
        download: whether a missing file may be downloaded.

    Returns:
        The months `(3126,)`, datetime64, and the numbers `(3126,)`, float64.

    Raises:
        ValueError: the file is damaged, or not the published one.
        FileNotFoundError: the missing file cannot (or may not) be downloaded. The message names it and where to put it.
        ImportError: the file is missing, and pooch, which downloads it, is not installed.
    """
    copy = SUNSPOTS_CSV.local(directory)
    return _csv(copy) if copy else _years(SUNSPOTS.find(directory, download=download))


def airline_passengers(
    directory: str | os.PathLike[str] | None = None, *, download: bool = True
) -> tuple[Months, NDArray[np.float64]]:
    """Return the monthly number of international airline passengers, in thousands, from 1949 to 1960.

    From Box and Jenkins, *Time Series Analysis*, 1976, published with aeon. Arguments and errors are as for `sunspots`;
    the file is `Airline.csv`, the copy `airline_passengers.csv`, and the folder `airline_passengers` (2 kB).

    Returns:
        The months `(144,)`, datetime64, and the numbers `(144,)`, float64.
    """
    copy = AIRLINE_CSV.local(directory)
    return _csv(copy or AIRLINE_PASSENGERS.find(directory, download=download))


def japanese_vowels(
    directory: str | os.PathLike[str] | None = None, *, download: bool = True
) -> tuple[Sequences, Labels, Sequences, Labels]:
    """Return recordings of nine men who say the Japanese vowels *ae*, and who is speaking.

    By Kudo, Toyama and Shimbo, *Multidimensional Curve Classification Using Passing-Through Regions*, 1999, from the
    UCI Machine Learning Repository, published with aeon. Each recording has 7 to 29 steps of 12 coefficients, which
    describe the spectrum of a short piece of sound. `nn.data.pad` and `nn.data.SequenceBatches` prepare sequences of
    different lengths for a network.

    Arguments and errors are as for `sunspots`; the files are `JapaneseVowels_TRAIN.ts` and `JapaneseVowels_TEST.ts`,
    the copy `japanese_vowels.npz`, and the folder `japanese_vowels` (1.1 MB).

    Returns:
        X_train, y_train, X_test, y_test: X lists of 270 and 370 arrays `(steps, 12)`, float32; y from 0 to 8.
    """
    copy = VOWELS_NPZ.local(directory)
    if copy:
        return _arrays(copy)
    train, test = (_ts(file.find(directory, download=download)) for file in JAPANESE_VOWELS)
    return *train, *test


def _csv(path: Path) -> tuple[Months, NDArray[np.float64]]:
    """Return the months and the numbers of a file with a header."""
    rows = np.loadtxt(path, dtype=str, delimiter=",", skiprows=1)
    return rows[:, 0].astype("datetime64[M]"), rows[:, 1].astype(np.float64)


def _years(path: Path) -> tuple[Months, NDArray[np.float64]]:
    """Return the months and the numbers of a table with a row for each year, which begins with the year."""
    rows = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    years = [row for row in rows if row and row[0].isdecimal()]
    numbers = np.array([number for row in years for number in row[1:]], np.float64)
    first = np.datetime64(f"{years[0][0]}-01", "M")
    return first + np.arange(len(numbers)), numbers


def _ts(path: Path) -> tuple[Sequences, Labels]:
    """Return the sequences and the labels of a file in aeon's format: channels separated by colons, label last."""
    text = path.read_text(encoding="utf-8").partition("@data")[2]
    records = [line.split(":") for line in text.split()]
    X = [np.array([channel.split(",") for channel in record[:-1]], np.float32).T.copy() for record in records]
    return X, np.array([int(record[-1]) - 1 for record in records], np.int64)


def _arrays(path: Path) -> tuple[Sequences, Labels, Sequences, Labels]:
    """Return the sequences without their padding, and the labels."""
    with np.load(path) as arrays:
        parts = [
            [series[:length] for series, length in zip(arrays[f"{part}_series"], arrays[f"{part}_lengths"])]
            for part in ("train", "test")
        ]
        labels = [arrays[f"{part}_labels"].astype(np.int64) for part in ("train", "test")]
    return parts[0], labels[0], parts[1], labels[1]
