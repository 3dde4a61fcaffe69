"""Zip archives whose sizes are checked before memory is allocated."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Self

from nn._files import open_regular
from nn.saving import LoadError

LARGEST_RATIO = 1032
"""The largest number of bytes that one byte of a deflated member can encode."""

DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ArithmeticError, ValueError)
"""Exceptions that `zipfile` raises for a damaged archive; OSError for a position before its beginning."""


class Archive:
    """A zip archive, checked before anything in it is read. Use it in a `with` statement.

    Args:
        path: the file.

    Raises:
        LoadError: the archive is damaged or encrypted, a name occurs twice, or members claim more bytes than the file
            can hold.
        OSError: there is no such file, or it cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self._file = open_regular(Path(path), LoadError)
        try:
            self._archive = zipfile.ZipFile(self._file)
            self.members = self._checked()
        except LoadError:
            self._file.close()
            raise
        except DAMAGE as error:
            self._file.close()
            raise LoadError(f"{path}: a zip archive that is damaged or incomplete ({error}).") from error

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        members = self._archive.infolist()
        by_name = {member.filename: member for member in members}
        if len(by_name) < len(members):
            raise LoadError(f"{self.path}: a zip archive in which a name occurs twice.")
        if sum(member.compress_size for member in members) > os.stat(self.path).st_size:
            raise LoadError(f"{self.path}: a zip archive whose members claim more bytes than the file holds.")
        for member in members:
            is_stored = member.compress_type == zipfile.ZIP_STORED
            if member.flag_bits & 1 or not (is_stored or member.compress_type == zipfile.ZIP_DEFLATED):
                raise LoadError(
                    f"{self.path}: member {member.filename!r} is encrypted, or uses an unsupported compression."
                )
            if member.file_size > member.compress_size * (1 if is_stored else LARGEST_RATIO):
                raise LoadError(f"{self.path}: member {member.filename!r} claims more bytes than the file can hold.")
        return by_name

    def read(self, name: str) -> bytes:
        """Return the content of a member.

        Raises:
            LoadError: there is no such member, or it is damaged.
        """
        if name not in self.members:
            raise LoadError(f"{self.path}: the archive has no member {name!r}. Is the file incomplete?")
        try:
            content = self._archive.read(self.members[name])
        except DAMAGE as error:
            raise LoadError(f"{self.path}: member {name!r} is damaged ({error}).") from error
        if len(content) != self.members[name].file_size:
            raise LoadError(f"{self.path}: member {name!r} is incomplete.")
        return content

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._archive.close()
        self._file.close()
