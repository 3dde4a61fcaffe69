"""Downloads, by pooch: into the user's cache folder, with progress, and kept only if the checksum is right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def cache_folder(name: str) -> Path:
    """Where the files of a data set are kept on this machine.

    Raises:
        ImportError: pooch, which knows the place, is not installed.
    """
    return Path(_pooch(name).os_cache("tensorgrad")) / name


def fetch(name: str, files: Mapping[str, str], mirrors: Sequence[str], folder: Path, searched: Iterable[Path]) -> None:
    """Download files into `folder`, each from the first mirror that has it.

    Args:
        name: of the data set, for messages.
        files: the MD5 of each by its name.
        mirrors: addresses that file names are appended to; none if nothing may be downloaded.
        folder: is made if it is not there.
        searched: where the files were not found, for messages.

    Raises:
        FileNotFoundError: a file could not be had: names all that are missing, their checksums and the folder.
    """
    for file, checksum in files.items():
        reasons = _download(name, file, checksum, mirrors, folder)
        if reasons:
            wanted = [f"{file}  MD5 {checksum}" for file, checksum in files.items() if not (folder / file).is_file()]
            raise FileNotFoundError(
                f"datasets.{name}: {file} is not in {', '.join(map(str, [*searched, folder]))}, and could not be "
                f"downloaded:\n  {_lines(reasons)}\n"
                f"Put these files into {folder}, or name their folder by directory= or $TENSORGRAD_DATA:\n  "
                f"{_lines(wanted)}"
            )


def _download(name: str, file: str, checksum: str, mirrors: Sequence[str], folder: Path) -> list[str]:
    """Why no mirror had the file; nothing, if one had."""
    reasons = [] if mirrors else ["download=False"]
    for mirror in mirrors:
        try:
            _pooch(name).retrieve(mirror + file, f"md5:{checksum}", file, folder, progressbar=True)
        except (OSError, ValueError) as error:  # no connection, no such file, no room; another checksum
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
