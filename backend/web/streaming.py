"""Answers that end when their client goes, streamed or whole.

The status line waits for the first object, so that an error before it is an ordinary error answer;
an error after it is a last part of the stream, in the framing's own form.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from backend.errors import BackendError, StoreFailed
from backend.web.wire import dump

Result = TypeVar("Result")
CLIENT_GONE = 499
UNFORESEEN = "internal server error; the backend's log has the details"
log = logging.getLogger(__name__)
_START = {"type": "http.response.start", "status": 200}
_UNBUFFERED = (b"x-accel-buffering", b"no")  # a proxy in front must pass each part on at once


@dataclass(frozen=True, slots=True)
class Framing:
    """How a stream's objects become bytes; `error` makes the last part of one that breaks off.

    `frame` may give no bytes: then nothing is sent for that object.
    """

    content_type: str
    frame: Callable[[dict[str, Any]], bytes]
    error: Callable[[BackendError], bytes]


def _line(value: dict[str, Any]) -> bytes:
    return dump(value) + b"\n"


NDJSON = Framing("application/x-ndjson", _line, lambda error: _line({"error": str(error)}))


class ClientGone(Exception):
    """The client closed its connection; there is nobody left to answer."""


async def unless_gone(request: Request, work: Awaitable[Result]) -> Result:
    """The result of `work`; cancels it and raises ClientGone when the client disconnects first.

    The body must have been read, as the next message of the connection is then the disconnect.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.create_task(_disconnected(request.receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        for one in (task, gone):
            one.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def ndjson(request: Request, objects: AsyncGenerator[dict[str, Any], None]) -> Response:
    """A streamed answer as Ollama's own routes give it."""
    return await streamed(request, objects, NDJSON)


async def streamed(
    request: Request, objects: AsyncGenerator[dict[str, Any], None], framing: Framing
) -> Response:
    """A streamed answer; errors before the first object are raised here, before any status."""
    try:
        first = await unless_gone(request, anext(objects))
    except BaseException:  # a cancel too must stop the engine; raised again
        await objects.aclose()
        raise
    return _Stream(request, framing, first, objects)


class _Stream(Response):
    """Sends objects as they come; a client that leaves closes the generator behind them."""

    def __init__(
        self,
        request: Request,
        framing: Framing,
        first: dict[str, Any],
        rest: AsyncGenerator[dict[str, Any], None],
    ) -> None:
        super().__init__()
        self._request, self._framing, self._first, self._rest = request, framing, first, rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._rest):
            try:
                await unless_gone(self._request, self._send_all(send))
            except (ClientGone, OSError):  # OSError: the send itself found the client gone
                return

    async def _send_all(self, send: Send) -> None:
        kind = (b"content-type", self._framing.content_type.encode())
        await send({**_START, "headers": [kind, _UNBUFFERED]})
        async with aclosing(self._parts()) as parts:
            async for part in parts:
                if part:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _parts(self) -> AsyncGenerator[bytes, None]:
        # What the sending raises does not come by here: an OSError is the work's own.
        yield self._framing.frame(self._first)
        try:
            async for value in self._rest:
                yield self._framing.frame(value)
        except BackendError as error:
            yield self._framing.error(error)
        except OSError as error:
            yield self._framing.error(system_refusal(error))
        except Exception:  # the edge of an answer under way: its client must learn that it broke
            log.exception("an answer broke off in a way nobody foresaw")
            yield self._framing.error(BackendError(UNFORESEEN))


def system_refusal(error: OSError) -> StoreFailed:
    """What a client is told where the system refused, e.g. as the disk is full; never a path."""
    log.warning("the system refused: %s", error)
    return StoreFailed(f"the server's system refused: {error.strerror or type(error).__name__}")
