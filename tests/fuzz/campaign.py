"""One target fuzzed for a while: hypothesis makes the cases and shrinks what breaks."""

import resource
import signal
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

ROOT = Path(__file__).resolve().parents[2]
CASE_SECONDS = 10
BATCH = 200
MOST_FINDINGS = 20
MEMORY = 6 << 30
LOOPBACK = ("127.", "::1", "localhost")


class TooSlow(BaseException):
    """A case that takes longer than CASE_SECONDS."""


class Campaign:
    """Counts of what was run, and the findings by the place in our code that they came from."""

    def __init__(
        self, cases: SearchStrategy[Any], check: Callable[[Any], None], seed_: int
    ) -> None:
        self._cases, self._check, self._seed = cases, check, seed_
        self.executions = 0
        self.slowest = 0.0
        self.findings: dict[str, str] = {}
        self._end = 0.0
        self._last: Any = None
        self._shrinking = False

    def run(self, seconds: float) -> None:
        """Fuzz until the time is over or there are many findings."""
        self._end = time.monotonic() + seconds
        while time.monotonic() < self._end and len(self.findings) < MOST_FINDINGS:
            self._seed += 1
            self._shrinking = False
            batch = seed(self._seed)(
                settings(
                    max_examples=BATCH,
                    database=None,
                    deadline=None,
                    phases=(Phase.generate, Phase.shrink),
                    suppress_health_check=list(HealthCheck),
                    print_blob=False,
                )(given(self._cases)(self._one))
            )
            try:
                batch()
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # whatever it is, it is what we look for
                self._note(error)

    def _one(self, case: Any) -> None:
        if time.monotonic() > self._end and not self._shrinking:
            return
        self.executions += 1
        began = time.monotonic()
        try:
            with _limited():
                self._check(case)
        except TooSlow as error:  # as an Exception, so that hypothesis makes it smaller
            self._last, self._shrinking = case, True
            raise AssertionError(f"longer than {CASE_SECONDS} s") from error
        except Exception as error:
            if _place(error) in self.findings:
                return  # known: what else is there?
            # when all is shrunk, the smallest comes last
            self._last, self._shrinking = case, True
            raise
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)

    def _note(self, error: BaseException) -> None:
        where, case = _place(error), repr(self._last)[:1500]
        self.findings.setdefault(where, f"{type(error).__name__}: {error}\n  at {where}\n  {case}")


def _place(error: BaseException) -> str:
    """The line of ours that is the farthest down."""
    ours = [
        f"{Path(frame.filename).relative_to(ROOT)}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT) and ".venv" not in frame.filename
    ]
    return f"{ours[-1] if ours else '?'} {type(error).__name__}"


@contextmanager
def _limited() -> Iterator[None]:
    def stop(_: int, __: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, CASE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def confine() -> None:
    """Let a case that wants all of the memory fail by itself."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def stay_here() -> None:
    """Let no case reach another machine: no name is looked up and no address connected to."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def here(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
            raise ConnectionRefusedError(f"not while fuzzing: {address}")
        connect(self, address)

    def local(host: Any, *args: Any, **keywords: Any) -> Any:
        if host is not None and not str(host).startswith(LOOPBACK):
            raise socket.gaierror(socket.EAI_NONAME, "not while fuzzing")
        return look_up(host, *args, **keywords)

    socket.socket.connect = here  # type: ignore[method-assign]
    socket.getaddrinfo = local
