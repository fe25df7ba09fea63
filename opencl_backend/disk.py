"""The folder of built programs: bytes by name, between processes.

Owns `Folder`. Many processes may read and write at once: a file appears whole or not at all, says by a digest whether
it is as it was written, and is removed when the folder has grown beyond its bound and nobody has read it for longest.
Losing a file costs a compiler run, so nothing here is ever an error. It must not know what the bytes are.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import platformdirs

from reference.config import config

_DIGEST = hashlib.sha256().digest_size
_KEPT = 0.75
"""What a folder that has grown too large is reduced to, so that not every further file is a reason to look again."""


class Folder:
    """Files of a folder of at most `limit` bytes."""

    def __init__(self, path: Path, limit: int):
        self.path = path
        self.limit = limit
        self._bytes: int | None = None

    def read(self, name: str) -> bytes | None:
        """What was written by this name; None if nothing was, or something has happened to it."""
        file = self.path / name
        try:
            whole = file.read_bytes()
            if hashlib.sha256(whole[_DIGEST:]).digest() == whole[:_DIGEST]:
                os.utime(file)
                return whole[_DIGEST:]
            file.unlink()
        except OSError:
            pass
        return None

    def has(self, name: str) -> bool:
        """Is there anything by this name?"""
        return (self.path / name).exists()

    def write(self, name: str, content: bytes) -> None:
        """Keep the bytes if the folder can be written."""
        with suppress(OSError):
            self.path.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.path)
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(content).digest() + content)
            os.replace(temporary, self.path / name)
            if self._bytes is None:
                self._bytes = sum(size for _, size, _ in self._files())
            else:
                self._bytes += _DIGEST + len(content)
            if self._bytes > self.limit:
                self._reduce()

    def _files(self) -> list[tuple[float, int, str]]:
        """(when it was last used, bytes, path) of every file."""
        found = []
        with os.scandir(self.path) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.is_file():
                        told = entry.stat()
                        found.append((told.st_mtime, told.st_size, entry.path))
        return found

    def _reduce(self) -> None:
        files = self._files()
        left = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if left <= _KEPT * self.limit:
                break
            with suppress(OSError):
                os.unlink(path)
                left -= size
        self._bytes = left


_folders: dict[tuple[str, int], Folder] = {}


def folder() -> Folder | None:
    """The one that the flags ask for; None: programs are not kept."""
    wanted, megabytes = config.opencl.cache_dir, config.opencl.cache_megabytes
    if not wanted or megabytes <= 0:
        return None
    if (wanted, megabytes) not in _folders:
        path = platformdirs.user_cache_path("theano-reference") if wanted == "auto" else Path(wanted).expanduser()
        _folders[wanted, megabytes] = Folder(path / "opencl" if wanted == "auto" else path, megabytes << 20)
    return _folders[wanted, megabytes]
