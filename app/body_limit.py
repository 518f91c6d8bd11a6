"""Caps the bodies of everything but uploads, which stream to disk under a limit of their own."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.error_handlers import respond

LIMIT_BYTES = 16 * 1024 * 1024


def _is_upload(scope: Scope, headers: Headers) -> bool:
    """Say whether the route streams the body itself: only that of the documents does."""
    multipart = headers.get("content-type", "").lower().startswith("multipart/form-data")
    return multipart and scope["path"].endswith("/documents")


class BodyTooLarge(Exception):
    """More bytes came than a JSON body may have."""


class BodyLimit:
    """ASGI middleware: 413 once a request that is not multipart passes 16 MiB."""

    def __init__(self, app: ASGIApp, limit: int = LIMIT_BYTES) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what is received; answer 413 if no answer has begun when it is too much."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if scope["type"] != "http" or _is_upload(scope, headers):
            await self.app(scope, receive, send)
            return
        received = 0
        answered = False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit:
                raise BodyTooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal answered
            if received <= self.limit or answered:
                await send(message)
            answered = answered or received <= self.limit

        try:
            await self.app(scope, counted, noted)
        except BodyTooLarge:
            if answered:
                raise
        if received > self.limit and not answered:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in place of what the framework makes of the broken-off body."""
        body = {
            "type": "urn:ragstone:error:body_too_large",
            "title": "Body too large",
            "status": 413,
            "detail": f"The request body is over {self.limit // 1024 // 1024} MiB. "
            "Send files as multipart/form-data.",
            "code": "body_too_large",
        }
        await respond(413, body)(scope, receive, send)
