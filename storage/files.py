"""Original files, each kept once under the hash of its content.

    FOLDER/incoming/RANDOM        being written
    FOLDER/ab/cd/abcd…            the file with that sha256

A file's own name is never part of a path.
"""

import hashlib
import os
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from storage.errors import StoreUnavailable

_SHA256 = re.compile(r"[0-9a-f]{64}")


class FileStore:
    """The folder of originals. One process owns it (see storage.lock)."""

    def __init__(self, folder: Path) -> None:
        """Open or make the folder; what a killed process left half written is removed.

        Raises StoreUnavailable.
        """
        self._folder = Path(folder)
        self._incoming = self._folder / "incoming"
        self.in_step = threading.RLock()
        """Hold it around `finish` + `documents.add`, and around `documents.uses` + `delete`:
        otherwise bytes uploaded again while their document is deleted could lose their file."""
        with _disk_errors(self._folder):
            self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
            for leftover in self._incoming.iterdir():
                leftover.unlink(missing_ok=True)

    def incoming(self) -> "IncomingFile":
        """Open a file to stream an upload into. Raises StoreUnavailable."""
        return IncomingFile(self._folder, self._incoming / secrets.token_hex(16))

    def path(self, sha256: str) -> Path:
        """Return where the file of that hash is or would be. Raises ValueError for a non-hash."""
        return _place(self._folder, sha256)

    def delete(self, sha256: str) -> None:
        """Remove a file; one that is not there is ignored. Raises StoreUnavailable."""
        with _disk_errors(self._folder):
            self.path(sha256).unlink(missing_ok=True)

    def hashes(self) -> set[str]:
        """Return the hashes of all files. Raises StoreUnavailable."""
        with _disk_errors(self._folder):
            return {
                file.name
                for file in self._folder.glob("??/??/*")
                if _SHA256.fullmatch(file.name) and file.is_file()
            }


class IncomingFile:
    """A file being written: `write` its parts, then `finish` or `discard`.

    As a context manager it discards what was not finished.
    """

    def __init__(self, folder: Path, path: Path) -> None:
        self._folder = folder
        self.path = path
        """Where the bytes written so far lie, readable after `flush`; gone after `finish`."""
        self.size = 0
        self._hash = hashlib.sha256()
        with _disk_errors(folder):
            self._file = path.open("xb")

    def write(self, data: bytes) -> None:
        """Append bytes. Raises StoreUnavailable, for example when the disk is full."""
        with _disk_errors(self._folder):
            self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def flush(self) -> None:
        """Make everything written so far readable at `path`. Raises StoreUnavailable."""
        with _disk_errors(self._folder):
            self._file.flush()

    def finish(self) -> tuple[str, int]:
        """Put the file in its place, safe from a power cut; return its sha256 and size in bytes.

        Raises StoreUnavailable; nothing half written is ever in a file's place.
        """
        sha256 = self._hash.hexdigest()
        target = _place(self._folder, sha256)
        with _disk_errors(self._folder):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path.replace(target)
            for folder in (target.parent, target.parent.parent, self._folder):
                _flush_folder(folder)
        return sha256, self.size

    def discard(self) -> None:
        """Throw away what was written; after `finish` this does nothing."""
        with suppress(OSError):  # a full disk refuses the last buffer, which nobody wants now
            self._file.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> "IncomingFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()


def _place(folder: Path, sha256: str) -> Path:
    if not _SHA256.fullmatch(sha256):
        raise ValueError("a file is named by 64 lower-case hexadecimal digits")
    return folder / sha256[:2] / sha256[2:4] / sha256


def _flush_folder(folder: Path) -> None:
    """Flush a folder's entries: a rename is only durable once they are (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(
            f"Files cannot be kept in {folder}: {error.strerror or error}. Free space there, "
            "check its permissions, or set RAGSTONE_DATA_DIR to another folder."
        ) from error
