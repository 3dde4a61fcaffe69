"""Expand paths given by users, and open regular files without blocking."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, BinaryIO


def expanded(path: Any, asker: str) -> Path:
    """Return a path with `~` replaced by the user's folder.

    Raises:
        TypeError: `path` is not a path. An integer would be a file descriptor.

    >>> expanded("run/model.safetensors", "load").name
    'model.safetensors'
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{asker}: expected a path, got {path!r}.")
    return Path(os.path.expanduser(path))


def open_regular(path: Path, error: type[Exception]) -> BinaryIO:
    """Open a regular file for reading. A pipe or a device, which could block, raises `error`.

    Raises:
        OSError: there is no such file, or it cannot be read.
    """
    if stat.S_ISREG(os.stat(path).st_mode):  # opening other kinds of files can have side effects
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(path, flags), "rb")
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file
        file.close()
    raise error(f"{path}: not a file.")
