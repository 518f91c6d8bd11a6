"""Who may speak to the server from a browser: the Origin and Host rules of Ollama.

A page of another origin is refused outright (403, empty), not merely left unlabelled: that is the
defence against cross-site requests. The Host rule is the one against DNS rebinding
(CVE-2024-28224); it holds only where the server listens on loopback.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import TypeAlias

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOCAL_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1|0\.0\.0\.0)(:[0-9]{1,5})?")
_APP_ORIGINS = ("app://", "file://", "tauri://", "vscode-webview://", "vscode-file://")
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal")
_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
# Private means these (RFC 1918, RFC 4193), as in Ollama; Python's is_private takes in more, such as
# addresses of documentation and of other people's carriers.
_PRIVATE = [
    ipaddress.ip_network(net)
    for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
]
_HOST = re.compile(
    r"(?:\[(?P<six>[0-9a-f:.%_-]+)\]|(?P<name>[^\s:@/\[\]]*))(?::[0-9]{0,5})?"
    r"|(?P<bare>[0-9a-f:.]+)"  # an IPv6 address without its brackets
)
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
        several = len(headers.getlist("host")) > 1  # which of them would count is anybody's guess
        if several or (self._loopback_only and not allows_host(host)):
            await Response(status_code=403)(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await Response(status_code=204)(scope, receive, send)
            return
        await self._app(scope, receive, _labelled(send, labels) if labels else send)

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of that origin may call; `null` only where the setting allows all."""
        if self._any_origin or _LOCAL_ORIGIN.fullmatch(origin):
            return True
        if origin.startswith(_APP_ORIGINS):
            return True
        return any(pattern.fullmatch(origin) for pattern in self._origins)

    def _labels(self, origin: str) -> dict[str, str]:
        allowed = "*" if self._any_origin else origin
        return {"Access-Control-Allow-Origin": allowed, "Vary": "Origin"}


def allows_host(
    header: str, names: Iterable[str] | None = None, addresses: Iterable[str] | None = None
) -> bool:
    """Whether a Host header names this machine or its private network.

    `names` and `addresses` are this machine's, by default those that the system tells. What is
    neither a name nor an address with at most a port after it is refused.
    """
    found = _HOST.fullmatch(header.strip().lower())
    if found is None:
        return False
    host = found["six"] or found["name"] or found["bare"] or ""
    if host in ("", "localhost") or host.endswith(_LOCAL_SUFFIXES):
        return True
    try:
        address = _plain(ipaddress.ip_address(host))
    except ValueError:
        own = [socket.gethostname()] if names is None else names
        return host in {name.lower() for name in own}
    if address.is_loopback or address.is_unspecified or _is_private(address):
        return True
    return str(address) in (_own_addresses() if addresses is None else set(addresses))


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reachable from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _plain(address: _Address) -> _Address:
    """The IPv4 address inside an IPv6 one (::ffff:10.0.0.1), else the address itself."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_private(address: _Address) -> bool:
    return any(address.version == net.version and address in net for net in _PRIVATE)


def _own_addresses() -> set[str]:
    import psutil

    found = (one.address for of_card in psutil.net_if_addrs().values() for one in of_card)
    return {address.partition("%")[0].lower() for address in found}


def _wildcard(entry: str) -> re.Pattern[str]:
    before, star, after = entry.partition("*")
    return re.compile(re.escape(before) + (".*" if star else "") + re.escape(after))


def _labelled(send: Send, labels: dict[str, str]) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(labels)
        await send(message)

    return add
