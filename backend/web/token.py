"""An optional password for the whole server: RAGSTONE_BACKEND_TOKEN, sent as a bearer token.

Ollama has none, and a server that strangers reach is theirs to use (CVE-2025-63389 and its kin).
Its own client sends the variable OLLAMA_API_KEY in just this form.
"""

import secrets

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.web.http_errors import error_body
from backend.web.wire import dump

UNAUTHORIZED = 401


class Token:
    """ASGI middleware that lets nobody in without the token; an empty one lets everybody in."""

    def __init__(self, app: ASGIApp, *, token: str) -> None:
        self._app, self._expected = app, f"Bearer {token}".encode() if token else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what carries the token, else answer 401."""
        if scope["type"] != "http" or self._allows(scope):
            await self._app(scope, receive, send)
            return
        sentence = "unauthorized: this server asks for the token it was started with"
        body = dump(error_body(scope["path"], sentence, UNAUTHORIZED))
        headers = {"content-type": "application/json", "www-authenticate": "Bearer"}
        await Response(body, UNAUTHORIZED, headers)(scope, receive, send)

    def _allows(self, scope: Scope) -> bool:
        given = Headers(scope=scope).get("authorization", "").encode()
        return not self._expected or secrets.compare_digest(given, self._expected)
