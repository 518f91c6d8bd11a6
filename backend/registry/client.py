"""One registry over HTTP: tokens, redirects, bounded answers, and every failure in one family.

What a registry says is not trusted. A token goes to the registry alone; a redirect to another host
is followed for blobs only, without the token, and never from outside into this machine's network.
"""

import asyncio
import json
import platform
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import httpx

from backend.errors import RegistryError
from backend.registry.addresses import is_inside
from backend.registry.challenge import Challenge
from backend.registry.keys import signature
from backend.registry.limits import MAX_ERROR, MAX_REDIRECTS, MAX_TOKEN, Limits
from backend.registry.reference import Reference, joined, origin
from backend.version import OLLAMA_VERSION

# Registries read Ollama's version here: one that is too old, or none, is refused newer models.
USER_AGENT = f"ollama/{OLLAMA_VERSION} ({platform.machine()} {platform.system().lower()}) Ragstone"
_REDIRECTS = (301, 302, 303, 307, 308)
_OWN = {"all://localhost": None, "all://127.0.0.1": None, "all://[::1]": None}

Body: TypeAlias = bytes | Callable[[], AsyncIterator[bytes]]


class Refused(RegistryError):
    """An error status: the registry's own answer, or that of a storage `elsewhere`."""

    def __init__(self, status: int, text: str, *, elsewhere: bool = False) -> None:
        super().__init__(
            "file does not exist" if status == 404 else f"{status}: {text}".strip(": ")
        )
        self.status = status
        self.elsewhere = elsewhere


class ConnectionBroken(RegistryError):
    """No connection, none in time, or one that broke off."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request; `body` is made anew for every try. `elsewhere`: other hosts may answer."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = b""
    elsewhere: bool = False


class RegistryClient:
    """Speaks to the registry of one reference; an async context manager."""

    def __init__(self, reference: Reference, key: Path, limits: Limits) -> None:
        self.reference = reference
        self._key, self._stall = key, limits.stall
        self._token = ""
        self._asking = asyncio.Lock()
        slots = limits.parts + 2
        self._http = httpx.AsyncClient(
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(limits.stall, pool=None),
            limits=httpx.Limits(max_connections=slots, max_keepalive_connections=slots),
            mounts=_OWN,  # whatever proxy the environment names, it is not for this machine
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def request(self, ask: Ask) -> AsyncIterator[httpx.Response]:
        """The answer, its body unread; a redirect that may not be followed counts as one.

        Raises Refused for statuses from 400 on, ConnectionBroken, or RegistryError.
        """
        try:
            response = await self._answered(ask)
            try:
                yield response
            finally:
                await response.aclose()
        except httpx.TimeoutException as error:
            raise ConnectionBroken("the registry stalled") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise ConnectionBroken(f"{ask.method} {ask.url}: {error}") from error

    async def read(self, ask: Ask, limit: int) -> bytes:
        """The body of an answer from the registry itself, in two stalls' time at most.

        Raises as `request` does.
        """
        try:
            async with asyncio.timeout(2 * self._stall), self.request(ask) as response:
                if response.status_code in _REDIRECTS:
                    raise RegistryError("the registry redirects to another host")
                return await read_capped(response, limit)
        except TimeoutError as error:
            raise ConnectionBroken("the registry is too slow") from error

    async def _answered(self, ask: Ask) -> httpx.Response:
        url, asked_for_token = ask.url, False
        for _ in range(MAX_REDIRECTS + 2):
            token = self._token
            response = await self._send(ask, url, token)
            if response.status_code == 401 and self.reference.owns(url):
                await response.aclose()
                if asked_for_token:
                    raise Refused(401, "unauthorized: access denied")
                asked_for_token = True
                await self._authorize(response.headers.get("www-authenticate", ""), token)
            elif response.status_code in _REDIRECTS:
                target = joined(url, response.headers.get("location", ""))
                if not self._may_follow(ask, target):
                    return response
                await response.aclose()
                url = target
            elif response.status_code >= 400:
                raise await _refused(response, elsewhere=not self.reference.owns(url))
            else:
                return response
        raise RegistryError(f"more than {MAX_REDIRECTS} redirects")

    async def _send(self, ask: Ask, url: str, token: str) -> httpx.Response:
        headers = dict(ask.headers)
        if token and self.reference.owns(url):
            headers["Authorization"] = f"Bearer {token}"
        content = ask.body if isinstance(ask.body, bytes) else ask.body()
        request = self._http.build_request(ask.method, url, headers=headers, content=content)
        return await self._http.send(request, stream=True)

    def _may_follow(self, ask: Ask, target: str) -> bool:
        if ask.method not in ("GET", "HEAD"):
            return False
        return self.reference.owns(target) or (ask.elsewhere and self.may_leave_for(target))

    def may_leave_for(self, target: str) -> bool:
        """Whether a registry may send us to that address: never from outside into our network."""
        registry = self.reference.url()
        if registry.startswith("https:") and not target.startswith("https:"):
            return False
        return not is_inside(target) or is_inside(registry)

    async def _authorize(self, header: str, refused: str) -> None:
        """Get a token for the challenge, unless another request got one since `refused`."""
        async with self._asking:
            if self._token != refused:
                return
            challenge = Challenge.parse(header)
            if challenge is None:
                raise Refused(401, "unauthorized: access denied")
            if not self.reference.owns(challenge.realm):
                _, host, _ = origin(challenge.realm) or ("", "", 0)
                raise RegistryError(
                    f'realm host "{host}" does not match original host "{self.reference.name.host}"'
                )
            url = str(httpx.URL(challenge.url()))  # signed as it will be sent
            signed = await asyncio.to_thread(signature, self._key, url)
            response = await self._http.send(
                self._http.build_request("GET", url, headers={"Authorization": signed}), stream=True
            )
            try:
                if response.status_code >= 300:
                    raise await _refused(response)
                self._token = _token(await read_capped(response, MAX_TOKEN))
            finally:
                await response.aclose()


async def read_capped(response: httpx.Response, limit: int) -> bytes:
    """The whole body, unpacked where it is gzip; raises RegistryError above `limit` bytes.

    Unpacked piece by piece, as some kilobytes of gzip can hold gigabytes (CVE-2024-12886).
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise RegistryError(f"the registry answered in the encoding {encoding[:40]}")
    unpack = zlib.decompressobj(wbits=31) if encoding != "identity" else None
    body = bytearray()
    async for piece in response.aiter_raw():
        try:
            body += unpack.decompress(piece, limit + 1 - len(body)) if unpack else piece
        except zlib.error as error:
            raise RegistryError("the registry answered with damaged gzip") from error
        if len(body) > limit:
            raise RegistryError(f"the registry answered with more than {limit} bytes")
    return bytes(body)


async def _refused(response: httpx.Response, *, elsewhere: bool = False) -> Refused:
    try:
        text = _said(await read_capped(response, MAX_ERROR))
    except RegistryError:
        text = response.reason_phrase
    finally:
        await response.aclose()
    return Refused(response.status_code, text, elsewhere=elsewhere)


def _said(body: bytes) -> str:
    """The text of an error; Hugging Face wraps it as `{"error": "..."}`."""
    text = body.decode("utf-8", "replace").strip()
    try:
        wrapped = json.loads(text)
    except (ValueError, RecursionError):
        return text
    said = wrapped.get("error") if isinstance(wrapped, dict) else None
    return said if isinstance(said, str) else text


def _token(raw: bytes) -> str:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise RegistryError("the registry answered with no token") from error
    token = value.get("token") if isinstance(value, dict) else None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise RegistryError("the registry answered with no token")
    return token
