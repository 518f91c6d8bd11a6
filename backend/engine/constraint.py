"""Replies that must follow a schema, where the engine would say nothing of it, or nothing for ever.

llama.cpp hands a schema to llguidance. What that cannot compile, or gives up on later, is a line in
its log, and the reply goes on free of any constraint. And some small schemas keep it busy for
minutes, and with it the engine's only loop: of 40 patterns under one `allOf`, 2 KB, no end was seen
in 25 s and 2 GB (b11549). A client that leaves does not end that, so the child has to go.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress

from backend.engine.runner import Piece
from backend.errors import RunnerRejected

SECONDS_PER_TOKEN = 0.5
"""Between two looks at its questions an engine computes one batch; no usable one is so slow."""
LOOK_SECONDS = 5.0
TOO_COMPLEX = "error: the schema of a request was too complex for the engine, which was ended"
_MARK = "llg error: "
_DETAIL = "error: "  # some lines below
_LEAST = "failed to compile JSON schema: "
_WORDS = {"NoExtensionBias": "no text follows it"}


class Constraints:
    """What one engine said of the schemas it was given, and whose schema it meant."""

    def __init__(self) -> None:
        self._compiling = asyncio.Lock()
        self._running = 0
        self._errors = 0
        self._last = ""

    def heard(self, line: str) -> None:
        """Take note of a line of the engine's log."""
        _, found, said = line.partition(_MARK)
        if found:
            reason = said.rpartition(_LEAST)[2].strip()
            self._errors, self._last = self._errors + 1, _WORDS.get(reason, reason)
        elif self._last.endswith(":") and line.startswith(_DETAIL):
            self._last += f" {line.removeprefix(_DETAIL)}"

    async def held_to(self, pieces: AsyncGenerator[Piece, None]) -> AsyncGenerator[Piece, None]:
        """The pieces of a reply under a schema; raises RunnerRejected once it is not followed.

        The log names no request, so one schema is compiled at a time. What goes wrong later is
        told where no other reply is under way.
        """
        self._running += 1
        before = 0
        try:
            async with aclosing(pieces):
                async with self._compiling:
                    before = self._errors
                    first = await anext(pieces)
                    await asyncio.sleep(0)  # lines that have come are read before the piece goes on
                    self._check(before, alone=True)
                yield first
                async for piece in pieces:
                    self._check(before, alone=self._running == 1)
                    yield piece
        finally:
            self._running -= 1

    def _check(self, before: int, *, alone: bool) -> None:
        if alone and self._errors > before:
            raise RunnerRejected(f"invalid format: the schema cannot be followed: {self._last}")


async def goes_on(
    ask: Callable[[], Awaitable[object]], over: asyncio.Event, seconds: float
) -> bool:
    """Wait until the request is `over` and the engine has answered a question after that.

    False as soon as one question stays without an answer for so many seconds.
    """
    while True:
        ended = over.is_set()
        try:
            async with asyncio.timeout(seconds):
                await ask()
        except TimeoutError:
            return False
        if ended:
            return True
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), LOOK_SECONDS)
