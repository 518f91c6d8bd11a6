"""Speaks to the server in a child over loopback: the only file of the engine that knows aiohttp.

Its C parser is why: a streamed event costs this process 0.10 to 0.24 ms instead of the 0.16 to 0.45
of a parser in Python (benchmarks/backend.py's front, events 10 ms apart, a busy machine).
"""

import io
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from backend.engine.llama_wire import error_text
from backend.errors import RunnerRejected

if TYPE_CHECKING:
    import aiohttp

OK = 200
_JSON = {"Content-Type": "application/json"}


def prepare() -> None:
    """Import aiohttp, 0.1 s: not at the front's start, but while its first child is loading."""
    import aiohttp  # noqa: F401 - that it is imported is all that is wanted


class LlamaClient:
    """A child's routes; raises ConnectionError when it is gone, RunnerRejected when it refuses.

    To be made and used within a running event loop, and closed in the end.
    """

    def __init__(self, url: str, api_key: str) -> None:
        import aiohttp

        self.url = url
        self._session = aiohttp.ClientSession(
            url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=aiohttp.ClientTimeout(
                None, sock_connect=10
            ),  # a queued prompt waits for minutes
            # llama.cpp closes a connection soon after a streamed answer: to reuse one is to lose a
            # request now and then (1 of 4 runs of benchmarks/backend.py); a new one costs 0.2 ms
            connector=aiohttp.TCPConnector(force_close=True, limit=0),
            trust_env=False,  # a proxy of the environment must not see loopback traffic
        )

    async def close(self) -> None:
        """Drop every connection."""
        await self._session.close()

    async def healthy(self) -> bool:
        """Whether the server answers."""
        try:
            async with self._asked("GET", "/health") as response:
                return response.status == OK
        except ConnectionError:
            return False

    async def take_a_turn(self) -> None:
        """Return when the engine's one loop has come round, which is after a batch at most."""
        async with self._asked("GET", "/lora-adapters") as response:
            await response.read()

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON that answers `body`."""
        async with self._asked("POST", path, body) as response:
            if response.status != OK:
                raise RunnerRejected(_sentence(response.status, await response.read()))
            return json.loads(await response.read())

    async def events(self, body: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The events of a completion; closing the generator drops the connection."""
        async with self._asked("POST", "/completion", body) as response:
            if response.status != OK:
                raise RunnerRejected(_sentence(response.status, await response.read()))
            rest = b""
            async for block in response.content.iter_any():
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    event = _event(line)
                    if event is not None:
                        yield event

    @asynccontextmanager
    async def _asked(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> AsyncIterator["aiohttp.ClientResponse"]:
        import aiohttp

        # as a file it is sent piece by piece: a picture's megabytes would hold up everybody else
        data = None if body is None else io.BytesIO(json.dumps(body).encode())
        try:
            response = await self._session.request(method, path, data=data, headers=_JSON)
            try:
                yield response
            finally:
                response.close()
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionError(str(error)) from error


def _event(line: bytes) -> dict[str, Any] | None:
    """The event of a line of the stream, None for a line of another kind; raises RunnerRejected."""
    field, _, value = line.strip().partition(b": ")
    if field == b"error":
        raise RunnerRejected(error_text({"error": json.loads(value)}) or value.decode())
    if field != b"data" or value == b"[DONE]":
        return None
    event: dict[str, Any] = json.loads(value.decode())
    sentence = error_text(event)
    if sentence is not None:
        raise RunnerRejected(sentence)
    return event


def _sentence(status: int, raw: bytes) -> str:
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    sentence = error_text(body) if isinstance(body, dict) else None
    return sentence or f"the engine answered {status}"
