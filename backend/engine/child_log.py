"""What a child says on its standard error: the last lines, and which of them tells what failed."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

LAST_LINES = 40
log = logging.getLogger(__name__)


class ChildLog:
    """The last lines of a child; `heard` is given each as it comes."""

    def __init__(self, heard: Callable[[str], None]) -> None:
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._heard = heard
        self.count = 0

    def add(self, line: str) -> None:
        """One more line, the child's or our own about it."""
        self._lines.append(line)
        self._heard(line)
        self.count += 1

    def last_error(self) -> str:
        """The last line that speaks of an error or failure; empty where none does."""
        telling = [
            line for line in self._lines if "error" in line.lower() or "fail" in line.lower()
        ]
        return telling[-1] if telling else ""

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Take every line until the child has closed its end."""
        while True:
            try:
                line = await stream.readline()
            except ValueError:  # a line beyond the reader's limit: not worth keeping
                continue
            if not line:
                return
            text = line.decode("utf-8", "replace").strip()
            log.debug("llama.cpp: %s", text)
            self.add(text)
