"""Answers that end when their client goes, streamed as NDJSON or whole.

The status line waits for the first object, so that an error before it is an ordinary error answer;
an error after it is a last line `{"error": ...}`.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from backend.errors import BackendError
from backend.web.wire import dump

Result = TypeVar("Result")
CLIENT_GONE = 499
_START = {"type": "http.response.start", "status": 200}
_HEADERS = [(b"content-type", b"application/x-ndjson"), (b"x-accel-buffering", b"no")]


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
    """A streamed answer; errors before the first object are raised here, before any status."""
    try:
        first = await unless_gone(request, anext(objects))
    except BaseException:  # a cancel too must stop the engine; raised again
        await objects.aclose()
        raise
    return _Ndjson(request, first, objects)


class _Ndjson(Response):
    """Sends objects as they come; a client that leaves closes the generator behind them."""

    def __init__(
        self, request: Request, first: dict[str, Any], rest: AsyncGenerator[dict[str, Any], None]
    ) -> None:
        super().__init__()
        self._request, self._first, self._rest = request, first, rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._rest):
            try:
                await unless_gone(self._request, self._send_all(send))
            except (ClientGone, OSError):  # OSError: the send itself found the client gone
                return

    async def _send_all(self, send: Send) -> None:
        await send({**_START, "headers": _HEADERS})
        await _send_line(send, self._first)
        try:
            async for value in self._rest:
                await _send_line(send, value)
        except BackendError as error:
            await _send_line(send, {"error": str(error)})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_line(send: Send, value: dict[str, Any]) -> None:
    line = dump(value) + b"\n"
    await send({"type": "http.response.body", "body": line, "more_body": True})
