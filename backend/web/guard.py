"""Who may speak to the server from a browser: the Origin and Host rules of Ollama.

A page of another origin is refused outright (403, empty), not merely left unlabelled: that is the
defence against cross-site requests. The Host rule is the one against DNS rebinding
(CVE-2024-28224); it holds only where the server listens on loopback.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOCAL_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1|0\.0\.0\.0)(:[0-9]{1,5})?")
_APP_ORIGINS = ("app://", "file://", "tauri://", "vscode-webview://", "vscode-file://")
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal")
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS",
    "Access-Control-Allow-Headers": "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,"
    "OpenAI-Beta,x-stainless-lang,x-stainless-package-version,x-stainless-os,x-stainless-arch,"
    "x-stainless-retry-count,x-stainless-runtime,x-stainless-runtime-version,x-stainless-async,"
    "x-stainless-helper-method,x-stainless-poll-helper,x-stainless-custom-poll-interval,"
    "x-stainless-timeout",
    "Access-Control-Max-Age": "43200",
}


class Guard:
    """ASGI middleware around the whole application, unknown routes included."""

    def __init__(self, app: ASGIApp, *, origins: str = "", bound_to: str = "127.0.0.1") -> None:
        self._app = app
        entries = [entry.strip() for entry in origins.split(",") if entry.strip()]
        self._any_origin = "*" in entries
        self._origins = [_wildcard(entry) for entry in entries]
        self._loopback_only = is_loopback(bound_to)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, answer a preflight, or pass on with the headers that CORS asks for."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        host = headers.get("host", "")
        crossing = origin not in ("", f"http://{host}", f"https://{host}")
        if crossing and not self.allows_origin(origin):
            await Response(status_code=403)(scope, receive, send)
            return
        labels = self._labels(origin) if crossing else {}
        if crossing and scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=labels | _PREFLIGHT)(scope, receive, send)
            return
        if self._loopback_only and not allows_host(host):
            await Response(status_code=403)(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await Response(status_code=204)(scope, receive, send)
            return
        await self._app(scope, receive, _labelled(send, labels) if labels else send)

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of that origin may call; `null` never may."""
        if self._any_origin or _LOCAL_ORIGIN.fullmatch(origin):
            return True
        if origin.startswith(_APP_ORIGINS):
            return True
        return any(pattern.fullmatch(origin) for pattern in self._origins)

    def _labels(self, origin: str) -> dict[str, str]:
        allowed = "*" if self._any_origin else origin
        return {"Access-Control-Allow-Origin": allowed, "Vary": "Origin"}


def allows_host(header: str, names: Iterable[str] | None = None) -> bool:
    """Whether a Host header names this machine or its private network."""
    host = _without_port(header.strip().lower())
    own = {socket.gethostname().lower()} if names is None else {name.lower() for name in names}
    if host in ("", "localhost") or host in own or host.endswith(_LOCAL_SUFFIXES):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private or address.is_unspecified


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reachable from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _without_port(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if header.count(":") == 1 else header


def _wildcard(entry: str) -> re.Pattern[str]:
    before, star, after = entry.partition("*")
    return re.compile(re.escape(before) + (".*" if star else "") + re.escape(after))


def _labelled(send: Send, labels: dict[str, str]) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(labels)
        await send(message)

    return add
