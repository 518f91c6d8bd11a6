"""One blob on its way to a registry: mounted there, or sent part by part.

A registry may send the parts on to a storage of its own (307), which then never sees the token.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpx

from backend.errors import RegistryError
from backend.models.manifests import Layer
from backend.models.names import ModelName
from backend.registry.client import Ask, ConnectionBroken, Refused, RegistryClient
from backend.registry.limits import Limits
from backend.registry.parts import Part, plan
from backend.registry.reference import joined
from backend.registry.threads import in_thread

Done = TypeVar("Done")
_BLOCK = 1 << 20
_REDIRECT = 307
_md5 = partial(hashlib.md5, usedforsecurity=False)  # registries' check of what arrived, no more


@dataclass(slots=True)
class _Sent:
    """What became of a part: where the next one goes, and the md5 of its bytes."""

    next_url: str
    md5: bytes


class Upload:
    """A layer and how much of it the registry has; `run` does the work."""

    def __init__(self, layer: Layer, blob: Path, limits: Limits) -> None:
        self.layer = layer
        self._blob, self._limits = blob, limits
        self.completed = 0

    async def run(self, registry: RegistryClient) -> None:
        """Bring the blob to the registry unless it is there; raises RegistryError or OSError."""
        if await self._stands(registry):
            self.completed = self.layer.size
            return
        url = await self._begin(registry)
        if not url:
            self.completed = self.layer.size
            return
        sums = []
        for part in plan(self.layer.size, self._limits):
            sent = await self._tried(partial(self._send, registry, url, part))
            url = sent.next_url
            sums.append(sent.md5)
        etag = f"{_md5(b''.join(sums)).hexdigest()}-{len(sums)}"
        url = with_query(url, digest=self.layer.digest, etag=etag)
        await self._tried(partial(self._finish, registry, url))

    async def _stands(self, registry: RegistryClient) -> bool:
        url = registry.reference.url("blobs", self.layer.digest)
        try:
            async with registry.request(Ask("HEAD", url, elsewhere=True)):
                return True
        except Refused as error:
            if error.status == 404:
                return False
            raise

    async def _begin(self, registry: RegistryClient) -> str:
        """Where the first part goes; empty where the registry has mounted the blob instead."""
        url = registry.reference.url("blobs", "uploads", "")
        if self.layer.from_:
            origin = ModelName.parse(self.layer.from_)
            source = f"{origin.namespace}/{origin.model}"
            url = with_query(url, mount=self.layer.digest, **{"from": source})
        async with registry.request(Ask("POST", url)) as response:
            return "" if response.status_code == 201 else _next(registry, response, url)

    async def _finish(self, registry: RegistryClient, url: str) -> None:
        async with registry.request(Ask("PUT", url, {"Content-Length": "0"})):
            pass

    async def _tried(self, work: Callable[[], Awaitable[Done]]) -> Done:
        """What the work gives, tried again where the registry or the line failed."""
        failures, before = 0, self.completed
        while True:
            try:
                return await work()
            except (ConnectionBroken, Refused) as error:
                self.completed = before
                failures += 1
                if isinstance(error, Refused) and error.status < 500:
                    raise
                if failures >= self._limits.tries:
                    raise RegistryError(f"max retries exceeded: {error}") from error
                await self._limits.back_off(failures)

    async def _send(self, registry: RegistryClient, url: str, part: Part) -> _Sent:
        before, md5 = self.completed, _md5()

        def body() -> AsyncIterator[bytes]:
            nonlocal md5  # asked for again where the token ran out, or the part goes elsewhere
            self.completed, md5 = before, _md5()
            return self._read(part, md5)

        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(part.size)}
        ranged = {"Content-Range": f"{part.offset}-{part.stop - 1}", "X-Redirect-Uploads": "1"}
        async with registry.request(Ask("PATCH", url, headers | ranged, body)) as response:
            next_url = _next(registry, response, url)
            storage = joined(url, response.headers.get("location", ""))
            redirected = response.status_code == _REDIRECT
        if redirected:
            if not registry.may_leave_for(storage):
                raise RegistryError("the registry sends uploads to an address that it may not name")
            async with registry.request(Ask("PUT", storage, headers, body, elsewhere=True)):
                pass
        return _Sent(next_url, md5.digest())

    async def _read(self, part: Part, md5: "hashlib._Hash") -> AsyncIterator[bytes]:
        with self._blob.open("rb") as file:
            file.seek(part.offset)
            missing = part.size
            while missing:
                block = await in_thread(file.read, min(_BLOCK, missing))
                if not block:
                    raise RegistryError(f"the blob {self.layer.digest} is damaged")
                md5.update(block)
                missing -= len(block)
                self.completed += len(block)
                yield block


def with_query(url: str, **more: str) -> str:
    """The address with further parameters."""
    parts = urlsplit(url)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *more.items()]
    return urlunsplit(parts._replace(query=urlencode(pairs)))


def _next(registry: RegistryClient, response: httpx.Response, url: str) -> str:
    """Where the registry wants what follows; only on the registry itself."""
    named = response.headers.get("docker-upload-location") or response.headers.get("location")
    location: str = named or ""
    target = joined(url, location)
    if not location or not registry.reference.owns(target):
        raise RegistryError("the registry names no place of its own for the upload")
    return target
