"""Writing a file so that nobody ever finds half of it."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path


def replace_file(path: str | Path, pieces: Iterable[bytes | memoryview], check: Callable[[Path], object]) -> None:
    """Put a file with this content at `path`: whoever opens it finds the old file or the new one, whole.

    That holds at every moment, also if this process is killed or the power fails: the content goes into a temporary
    file in the same folder, is forced onto the disk, read back and checked, and only then given the name. A process
    that is killed on the way leaves the temporary file, `.NAME.….tmp`, behind.

    Args:
        path: the file; if it is a link, what it points to. One that was there keeps its permissions.
        pieces: the content, in one or more.
        check: called with the temporary file; what it raises is passed on, and `path` is as before.

    Raises:
        OSError: the file cannot be written. `path` is as before.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace_file(Path(folder, "greeting"), [b"hel", b"lo"], check=lambda written: None)
    ...     Path(folder, "greeting").read_bytes()
    b'hello'
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            shutil.copymode(target, temporary)
        check(temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Force the new name onto the disk. (Windows has no such call, and does it by itself.)"""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
