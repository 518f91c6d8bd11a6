"""Events to server-sent events: the one place that knows that wire.

Format: WHATWG HTML, "Server-sent events". Every event has a name and JSON data.
"""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from fastapi.responses import StreamingResponse

from app.error_handlers import problem

log = logging.getLogger("ragstone.sse")


class ServerEvent(NamedTuple):
    """A name and the JSON that goes with it."""

    event: str
    data: Any


def encode(event: ServerEvent) -> str:
    """Return one event as its lines; JSON has no raw newlines, so one data line is enough."""
    return f"event: {event.event}\ndata: {json.dumps(event.data, ensure_ascii=False)}\n\n"


async def _frames(
    first: ServerEvent | None, events: AsyncIterator[ServerEvent]
) -> AsyncIterator[str]:
    try:
        if first is not None:
            yield encode(first)
        async for event in events:
            yield encode(event)
    except Exception as error:  # the status is sent: an error can only be the last event
        log.exception("stream broke off")
        yield encode(ServerEvent("error", problem(error)[1]))


async def event_stream(events: AsyncIterator[ServerEvent]) -> StreamingResponse:
    """Stream events; an error before the first one is raised, and so keeps its own status."""
    first = await anext(events, None)
    return StreamingResponse(
        _frames(first, events),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
