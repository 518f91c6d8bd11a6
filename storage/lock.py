"""One process owns the data folder: embedded Chroma is damaged by a second writer (measured)."""

import os
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import IO

from storage.errors import DataFolderLocked, StoreUnavailable

LOCK_FILE = "ragstone.lock"

_held: set[Path] = set()
_held_guard = threading.Lock()


class DataFolderLock:
    """Holds the folder from construction to `close`; the system lets go when the process dies.

    A POSIX record lock (fcntl), because a forked child does not inherit it: a parser that
    outlives a killed service must not keep the folder. Such a lock is the process's own, so
    a second one within the process is refused here.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder. Raises DataFolderLocked, or StoreUnavailable when it cannot be written.

        The lock file stays behind; only the lock on it counts, so none is ever stale.
        """
        self._path = (Path(folder) / LOCK_FILE).absolute()
        self._file: IO[bytes] | None = None
        with _held_guard:
            if self._path in _held:
                raise DataFolderLocked(self._refusal(os.getpid()))
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                file = self._path.open("a+b")
            except OSError as error:
                raise StoreUnavailable(
                    f"The data folder {self._path.parent} cannot be used: {error.strerror}. "
                    "Check its permissions, or set RAGSTONE_DATA_DIR to another folder."
                ) from error
            if not _try_lock(file):
                owner = _read_owner(file)
                file.close()
                raise DataFolderLocked(self._refusal(owner))
            _write_owner(file)
            self._file = file
            _held.add(self._path)

    def close(self) -> None:
        """Let the folder go; a second call does nothing."""
        with _held_guard:
            if self._file is not None:
                self._file.truncate(0)
                self._file.close()
                self._file = None
                _held.discard(self._path)

    def __enter__(self) -> "DataFolderLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _refusal(self, owner: int | None) -> str:
        who = f"process {owner}" if owner else "another process"
        return (
            f"The data folder {self._path.parent} is in use by {who}. Use the service that runs "
            "there, stop it first, or give this one another folder with --data-dir "
            "(RAGSTONE_DATA_DIR)."
        )


def _read_owner(file: IO[bytes]) -> int | None:
    file.seek(0)
    try:
        return int(file.read(32).decode("ascii"))
    except ValueError:
        return None


def _write_owner(file: IO[bytes]) -> None:
    file.truncate(0)
    file.write(str(os.getpid()).encode("ascii"))
    file.flush()


if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30
    """Byte to lock: Windows keeps others from reading locked bytes, and the pid is at 0."""

    def _try_lock(file: IO[bytes]) -> bool:
        file.seek(_FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
