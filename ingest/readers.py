"""Reads documents in child processes that are kept between them: a crash or a bomb ends with a
sentence, and a folder of small files does not pay for a process each.

Starting a child costs 0.17 s and importing a loader up to 0.2 s (measured); a kept one reads a
short text in 2 ms. A child that crashed, hung or was interrupted is replaced.
"""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingest import errors
from ingest.errors import IngestError, ParsingTimedOut, UnreadableFile
from ingest.load import ParseLimits
from ingest.loaded import LoadedDocument

_ROOT = Path(__file__).resolve().parent.parent
_POLL_SECONDS = 0.05
_RENEW_AFTER_BYTES = 64 * 1024 * 1024
"""What a child may have read in all before another takes over: parsers keep memory."""
_ERRORS = {error.code: error for error in vars(errors).values()
           if isinstance(error, type) and issubclass(error, IngestError)}  # fmt: skip


class Readers:
    """As many children as documents are read at once; safe for several threads."""

    def __init__(self, limits: ParseLimits | None = None) -> None:
        self._limits = limits or ParseLimits()
        self._idle: list[_Child] = []
        self._lock = threading.Lock()

    def read(
        self, path: Path, kind: str, check: Callable[[], None] = lambda: None
    ) -> LoadedDocument:
        """Read a file of media type `kind`; `check` is called meanwhile and may raise to end it.

        Raises the IngestError that the loader raised, UnreadableFile when the child crashed or
        ran out of memory, ParsingTimedOut, or what `check` raised.
        """
        with self._lock:
            child = self._idle.pop() if self._idle else _Child(self._limits)
        try:
            answer = child.ask(path, kind, check)
        except BaseException:
            child.close()
            raise
        if child.worn:
            child.close()
        else:
            with self._lock:
                self._idle.append(child)
        if "code" in answer:
            raise _ERRORS.get(answer["code"], UnreadableFile)(answer["message"])
        return LoadedDocument.from_json(answer)

    def close(self) -> None:
        """End the idle children."""
        with self._lock:
            children, self._idle = self._idle, []
        for child in children:
            child.close()


class _Child:
    """One `python -m ingest.load_child`: a request a line in, a document a line out.

    All goes through pipes: a folder for the documents would outlive a kill -9 of the service.
    """

    def __init__(self, limits: ParseLimits) -> None:
        self._limits = limits
        self._read_bytes = 0
        self._said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ingest.load_child", str(limits.memory_mb), str(limits.seconds)],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def worn(self) -> bool:
        """Whether another child should read the next document."""
        return self._read_bytes > _RENEW_AFTER_BYTES

    def ask(self, path: Path, kind: str, check: Callable[[], None]) -> dict[str, Any]:
        """Return what the child said of one document: the document or its fault, as JSON."""
        self._send({"path": str(path.absolute()), "kind": kind})
        answer = self._wait(check)
        self._read_bytes += path.stat().st_size
        if answer is None:
            raise UnreadableFile(
                f"The reader of this format crashed on the document (exit {self._process.wait()}): "
                "it is damaged, or needs more memory than RAGSTONE_PARSE_MEMORY_MB allows."
            )
        found: dict[str, Any] = json.loads(answer)
        return found

    def close(self) -> None:
        """Kill the child."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _send(self, request: dict[str, str]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # it died while idle: `_wait` hears so

    def _wait(self, check: Callable[[], None]) -> bytes | None:
        """Return the child's answer, None when it has died."""
        deadline = time.monotonic() + self._limits.seconds
        while True:
            try:
                return self._said.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                pass
            check()
            if time.monotonic() > deadline:
                raise ParsingTimedOut(
                    f"Reading the document took longer than {self._limits.seconds:g} s. "
                    "RAGSTONE_PARSE_SECONDS allows more."
                )

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith(b"\n"):  # the start of one is all that a dying child leaves
                self._said.put(line)
        self._said.put(None)
