"""The lines of earlier chats, in the file that `ollama` keeps them in: one a line, 100 at most."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prompt_toolkit.history import History

LIMIT = 100


def history_file() -> Path:
    """Where the lines are kept: ~/.ollama/history."""
    return Path("~/.ollama/history").expanduser()


class FileOfLines(History):
    """A history that reads the file once and rewrites it with each new line while it is `kept`.

    A file that cannot be read or written costs the history and nothing else.
    """

    def __init__(self, path: Path, *, kept: bool) -> None:
        super().__init__()
        self.path, self.kept = path, kept
        self._lines = _read(path)

    def load_history_strings(self) -> Iterable[str]:
        """The lines, newest first."""
        return reversed(self._lines)

    def store_string(self, string: str) -> None:
        """Keep a line; one that was pasted as several is kept as one."""
        line = " ".join(string.split())
        if not line:
            return
        self._lines = [*self._lines, line][-LIMIT:]
        if self.kept:
            self._write()

    def _write(self) -> None:
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # for its owner's eyes only, from the first byte on
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in self._lines)
            fresh.replace(self.path)
        except OSError:
            with suppress(OSError):
                fresh.unlink()


def _read(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.split("\n") if line.strip()][-LIMIT:]
