"""The download of one blob, shared by all who want it; the last one to leave ends it.

What was fetched stays in the partial file. Every part has its own connection and its own tries.
"""

import asyncio
import errno
import re
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import httpx

from backend.errors import RegistryError
from backend.models.manifests import Layer
from backend.registry.client import Ask, ConnectionBroken, Refused, RegistryClient
from backend.registry.limits import Limits
from backend.registry.partial import PartialBlob
from backend.registry.parts import Part
from backend.registry.reference import Reference
from backend.registry.threads import in_thread

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_BUSY = (408, 425, 429)
_GONE = (401, 403, 404, 410)  # from a storage: its signed address ran out, the next one may hold


class RangeIgnored(Exception):
    """The server sends the whole blob where a part was asked for."""


class Download:
    """A blob on its way, in a task of its own from `start` to `done`."""

    def __init__(self, layer: Layer, blob: Path, limits: Limits) -> None:
        self.layer = layer
        self._limits = limits
        self._partial = PartialBlob(blob, layer.size, limits)
        self._tasks: list[asyncio.Task[None]] = []
        self._verifying: asyncio.Task[None] | None = None
        self.waiting = 0

    @property
    def completed(self) -> int:
        """Bytes that are there."""
        return self._partial.completed

    @property
    def missing(self) -> int:
        """Bytes still to come."""
        return self._partial.missing

    def start(self, reference: Reference, key: Path) -> asyncio.Task[None]:
        """The task that fetches, begun at the first call; it ends with RegistryError or OSError."""
        if not self._tasks:
            self._tasks.append(asyncio.create_task(self._run(reference, key)))
        return self._tasks[0]

    async def verify(self) -> None:
        """Check the whole file once, whoever asks, and make it the blob; raises RegistryError."""
        if self._verifying is None:
            check = in_thread(self._partial.become_blob, self.layer.digest)
            self._verifying = asyncio.create_task(check)
            self._tasks.append(self._verifying)
        await asyncio.shield(self._verifying)

    async def stop(self) -> None:
        """End what is under way, and wait until the files are left alone."""
        self._partial.give_up()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, reference: Reference, key: Path) -> None:
        async with RegistryClient(reference, key, self._limits) as registry:
            await in_thread(self._partial.open)
            try:
                await self._fetch_all(registry)
            finally:
                await in_thread(self._partial.close)

    async def _fetch_all(self, registry: RegistryClient) -> None:
        try:
            await _together([self._fetch(registry, part) for part in self._unfinished()])
        except RangeIgnored:
            whole = [Part(0, 0, self.layer.size)]
            await in_thread(self._partial.replan, whole)
            await self._fetch(registry, whole[0])

    def _unfinished(self) -> Sequence[Part]:
        return [part for part in self._partial.parts if part.missing]

    async def _fetch(self, registry: RegistryClient, part: Part) -> None:
        failures = 0
        while part.missing:
            before = part.completed
            try:
                await self._fetch_once(registry, part)
            except (ConnectionBroken, Refused) as error:
                if isinstance(error, Refused) and not _worth_another_try(error):
                    raise
                if part.completed - before >= self._limits.fresh_start:
                    failures = 0
                failures += 1
                if failures >= self._limits.tries:
                    raise RegistryError(f"max retries exceeded: {error}") from error
                await self._limits.back_off(failures)

    async def _fetch_once(self, registry: RegistryClient, part: Part) -> None:
        url = registry.reference.url("blobs", self.layer.digest)
        wanted = {"Range": f"bytes={part.start}-{part.stop - 1}"}
        async with registry.request(Ask("GET", url, wanted, elsewhere=True)) as response:
            self._check(response, part)
            async for piece in response.aiter_raw():
                await self._write(part, piece[: part.missing])
                if not part.missing:
                    return
        if part.missing:
            raise ConnectionBroken("unexpected EOF")

    def _check(self, response: httpx.Response, part: Part) -> None:
        """Refuse what is not these bytes of this blob; start over where it is all of them."""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise RegistryError("the registry sends a blob in an encoding of its own")
        if response.status_code == 206:
            found = _RANGE.fullmatch(response.headers.get("content-range", "").strip())
            if found is None or (int(found[1]), int(found[2])) != (part.start, part.stop - 1):
                raise ConnectionBroken("the registry sends other bytes than were asked for")
            self._check_size(found[3])
        elif response.status_code == 200:
            self._check_size(response.headers.get("content-length", "*"))
            if len(self._partial.parts) > 1:
                raise RangeIgnored
            part.completed = 0
        elif response.is_redirect:
            raise RegistryError("the registry redirects to an address that it may not name")
        else:
            raise RegistryError(f"unexpected status code {response.status_code}")

    def _check_size(self, said: str) -> None:
        if said != "*" and said != str(self.layer.size):
            raise RegistryError(
                f"the registry has {said} bytes of {self.layer.digest[7:19]}, "
                f"its manifest says {self.layer.size}"
            )

    async def _write(self, part: Part, piece: bytes) -> None:
        try:
            await in_thread(self._partial.write, part, piece)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise RegistryError("no space left on device") from error
            raise


def _worth_another_try(error: Refused) -> bool:
    passing = (*_BUSY, *_GONE) if error.elsewhere else _BUSY
    return error.status >= 500 or error.status in passing


async def _together(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """All of them at once; the first that fails cancels the others and is what is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
