"""Keeps other people's web pages away from a service on loopback.

Two attacks: a page posts a form to http://127.0.0.1 (cross-site request forgery; browsers
then send `Origin`), and a page's own name is made to resolve to 127.0.0.1 (DNS rebinding;
the `Host` header then carries that name). Both are refused with 403.
"""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.error_handlers import respond

LOCAL_SUFFIXES = (".localhost", ".local", ".internal")


def host_of(authority: str) -> str:
    """Return the host of a `Host` header, lower-case, without port; "" for no such thing."""
    return (_split(f"//{authority}").hostname or "").lower()


def _split(url: str) -> SplitResult:
    """Return the parts of a URL, none of them where it is malformed (`http://[`)."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")


def is_local_name(host: str, allowed: frozenset[str]) -> bool:
    """Return whether a browser may reach us by this name: local names and bare addresses.

    An IP address is safe: rebinding needs a name that somebody else's DNS answers for.
    """
    if host in allowed or host == "localhost" or host.endswith(LOCAL_SUFFIXES):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class BrowserGuard:
    """ASGI middleware; `allowed` are further host names this service is known by."""

    def __init__(self, app: ASGIApp, allowed: frozenset[str] = frozenset()) -> None:
        self.app = app
        self.allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a foreign Host or Origin, pass everything else on."""
        if scope["type"] == "http" and (reason := self._refusal(Headers(scope=scope))):
            body = {
                "type": "urn:ragstone:error:foreign_origin",
                "title": "Foreign origin",
                "status": 403,
                "detail": reason,
                "code": "foreign_origin",
                "setting": "RAGSTONE_ALLOWED_HOSTS",
            }
            await respond(403, body)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _refusal(self, headers: Headers) -> str | None:
        authority = headers.get("host", "")
        if not is_local_name(host_of(authority), self.allowed):
            return f"This service is not known as {authority!r}; add the name to allow it."
        origin = headers.get("origin")
        if origin is None:
            return None
        there = _split(origin)
        same = there.scheme in ("http", "https") and there.netloc.lower() == authority.lower()
        if same or (there.hostname or "") in self.allowed:
            return None
        return f"A page of {origin!r} may not call this service; add its host to allow it."
