"""The two clients: how a `Call` goes over the wire with httpx, blocking or not."""

from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self, TypeVar, cast

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError

from app.client.calls import Call
from app.client.endpoints import Endpoints
from app.client.errors import ServiceError, ServiceUnavailable
from app.client.records import Event

T = TypeVar("T")

DEFAULT_URL = "http://127.0.0.1:8484"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def _options(url: str, timeout: float) -> dict[str, Any]:
    return {
        "base_url": url,
        "timeout": httpx.Timeout(timeout, connect=5.0),
        # a proxy set for the web must not be asked for a service on this machine
        "trust_env": httpx.URL(url).host not in LOOPBACK,
    }


def _request(call: Call[Any], opened: ExitStack) -> dict[str, Any]:
    request: dict[str, Any] = {"method": call.method, "url": call.path, "params": call.params}
    if call.files:
        request["files"] = [
            ("files", (name, opened.enter_context(path.open("rb")))) for name, path in call.files
        ]
    elif call.json is not None:
        request["json"] = call.json
    return request


@contextmanager
def _plain_errors(url: str) -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
        raise ServiceUnavailable(
            f"no Ragstone service at {url}: start one with `make run` or `ragstone serve`, "
            "or say where it is with --url, --port or RAGSTONE_PORT"
        ) from exc
    except httpx.TimeoutException as exc:
        raise ServiceUnavailable(f"the service at {url} did not answer in time") from exc
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
        raise ServiceUnavailable(
            f"{url!r} is no address of a service: write http://HOST:PORT"
        ) from exc
    except SSEError as exc:
        raise ServiceUnavailable(f"what answers at {url} is not Ragstone: {exc}") from exc
    except httpx.TransportError as exc:
        raise ServiceUnavailable(f"the service at {url} broke off: {exc}") from exc


def _body(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return response.text


def _result(call: Call[T], response: httpx.Response) -> T:
    if response.is_error and response.status_code not in call.also_good:
        raise ServiceError.from_problem(response.status_code, _body(response))
    if response.status_code == httpx.codes.NO_CONTENT:
        return cast("T", None)
    body = _body(response)
    if not isinstance(body, dict) or (call.pick and call.pick not in body):
        raise ServiceUnavailable(
            f"what answers at {response.url} is not Ragstone: {str(body)[:80]!r}"
        )
    return cast("T", body[call.pick] if call.pick else body)


def _event(sent: ServerSentEvent) -> Event:
    data = sent.json()
    if sent.event == "error":
        raise ServiceError.from_problem(500, data)
    return Event(sent.event, data)


class Client(Endpoints):
    """A blocking client; `timeout` is the longest silence, in seconds.

    Every call raises `ServiceUnavailable` when nothing answers and `ServiceError` when the
    service answers with a problem, also as an event in mid-stream.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        timeout: float = 300.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        with _plain_errors(url):
            self._http = httpx.Client(**_options(self.url, timeout), transport=transport)

    def __enter__(self) -> Self:
        """Return the client; leaving closes it."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, call: Call[T]) -> T:
        """Send a call and read its result."""
        with _plain_errors(self.url), ExitStack() as opened:
            return _result(call, self._http.request(**_request(call, opened)))

    def follow(self, call: Call[Event]) -> Generator[Event, None, None]:
        """Send a call and yield its events as they come."""
        headers = {"Accept": "text/event-stream"}
        with (
            _plain_errors(self.url),
            ExitStack() as opened,
            self._http.stream(**_request(call, opened), headers=headers) as response,
        ):
            if response.is_error:
                response.read()
                _result(call, response)
            for sent in EventSource(response).iter_sse():
                yield _event(sent)


class AsyncClient(Endpoints):
    """The same, for asyncio: calls are awaited, streams are iterated with `async for`."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        timeout: float = 300.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        with _plain_errors(url):
            self._http = httpx.AsyncClient(**_options(self.url, timeout), transport=transport)

    async def __aenter__(self) -> Self:
        """Return the client; leaving closes it."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """Send a call and read its result."""
        with _plain_errors(self.url), ExitStack() as opened:
            return _result(call, await self._http.request(**_request(call, opened)))

    async def follow(self, call: Call[Event]) -> AsyncGenerator[Event, None]:
        """Send a call and yield its events as they come."""
        headers = {"Accept": "text/event-stream"}
        with _plain_errors(self.url), ExitStack() as opened:
            request = _request(call, opened)
            async with self._http.stream(**request, headers=headers) as response:
                if response.is_error:
                    await response.aread()
                    _result(call, response)
                async for sent in EventSource(response).aiter_sse():
                    yield _event(sent)
