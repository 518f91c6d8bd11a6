"""Long work told as it goes: create, pull and push answer with lines of `{"status": ...}`."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from backend.web.streaming import ndjson, unless_gone
from backend.web.wire import json_response


async def reported(
    request: Request, lines: AsyncGenerator[dict[str, Any], None], *, stream: bool
) -> Response:
    """Every line as it comes, or the last one alone; a client that leaves ends the work."""
    if stream:
        return await ndjson(request, lines)
    return json_response(await unless_gone(request, _last(lines)))


async def _last(lines: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any]:
    last: dict[str, Any] = {}
    async with aclosing(lines):
        async for line in lines:
            last = line
    return last
