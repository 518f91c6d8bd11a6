"""The edge of the server: an error that nobody foresaw is logged and told, and no more.

Starlette's own edge raises it again once told, whereupon uvicorn closes the connection, and the
next request that a client sends over it is lost.
"""

import logging

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.web.http_errors import error_body
from backend.web.streaming import UNFORESEEN
from backend.web.wire import JSON, dump

log = logging.getLogger(__name__)


class Unforeseen:
    """ASGI middleware around the routes; an answer already under way breaks off, as before."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; answer 500 where nothing was answered yet."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:  # the edge of the process: the client must hear of it, the server go on
            if begun:
                raise
            log.exception("a request failed in a way nobody foresaw")
            body = dump(error_body(scope["path"], UNFORESEEN, 500))
            await Response(body, 500, media_type=JSON)(scope, receive, send)
