"""Long work told as it goes, on standard error: bars on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, Protocol, Self

from backend.commands.units import human_bytes


class Progress(Protocol):
    """Where the lines of a progress stream go."""

    def show(self, line: Mapping[str, Any]) -> None:
        """Show one `{"status", ["digest", "total", "completed"]}`."""


def progress() -> AbstractContextManager[Progress]:
    """The display that fits standard error."""
    if not sys.stderr.isatty():
        return PlainProgress()
    from backend.commands.bars import BarProgress

    return BarProgress()


def show_all(display: Progress, lines: Iterable[Mapping[str, Any]]) -> None:
    """Show every line of a stream, to its end."""
    for line in lines:
        display.show(line)


class PlainProgress:
    """A line for each new status; work that is counted has one at its start and one at its end."""

    def __init__(self) -> None:
        self._last = ""
        self._open: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Nothing is left open."""

    def show(self, line: Mapping[str, Any]) -> None:
        """Print what is new in the line."""
        status, key = str(line.get("status", "")), line.get("digest")
        total = int(line.get("total") or 0)
        if key is None or not total:
            if status != self._last:
                _print(status)
        else:
            self._counted(str(key), status, total, int(line.get("completed") or 0))
        self._last = status

    def _counted(self, key: str, status: str, total: int, completed: int) -> None:
        if key not in self._open:
            self._open[key] = 0
            _print(f"{status} {human_bytes(total)}")
        if completed >= total > self._open[key]:
            self._open[key] = total
            _print(f"{status} done")


@contextmanager
def waiting() -> Iterator["Waiting"]:
    """A turning sign on the terminal until the block ends or `stop` is called."""
    sign = Waiting()
    try:
        yield sign
    finally:
        sign.stop()


class Waiting:
    """The sign itself; standard error that is no terminal gets none."""

    def __init__(self) -> None:
        self._stop = None
        if sys.stderr.isatty():
            from backend.commands.bars import start_sign

            self._stop = start_sign()

    def stop(self) -> None:
        """Take the sign away; doing it again changes nothing."""
        if self._stop is not None:
            self._stop()
            self._stop = None


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
