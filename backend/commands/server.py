"""The server at OLLAMA_HOST, as the commands speak to it."""

import json
import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self
from urllib.parse import urlsplit

from backend.address import Address
from backend.commands.errors import NoServer, Refused

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 30.0
"""Only connecting has a limit: a load or a download may take as long as it does."""
MOST_OF_A_PAGE = 300


def server_url(text: str) -> str:
    """The URL that OLLAMA_HOST means for a client: `[scheme://]host[:port][/path]`.

    An address that only a server can listen on (0.0.0.0, ::) becomes the loopback one.
    """
    text = text.strip().strip("\"'")
    scheme, separator, rest = text.partition("://")
    path = (rest if separator else text).partition("/")[2].strip("/")
    url = Address.parse(text).url()
    if separator and scheme == "https":
        url = url.replace("http://", "https://", 1)
    return f"{url}/{path}" if path else url


class Server:
    """Requests to one server; raises NoServer and Refused, each with a sentence to print."""

    def __init__(self, url: str | None = None) -> None:
        import httpx

        from backend.web.guard import is_loopback

        self.url = url or server_url(os.environ.get("OLLAMA_HOST", ""))
        self.local = is_loopback(urlsplit(self.url).hostname or "")
        self._http = httpx.Client(
            base_url=self.url,
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            # a proxy is for other machines; httpx alone would send it the loopback requests too
            trust_env=not self.local,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._http.close()

    def check(self) -> None:
        """Return where somebody answers; raises NoServer."""
        self._send("HEAD", "/")

    def get(self, path: str) -> dict[str, Any]:
        """The JSON object at `path`."""
        return self._object(self._send("GET", path))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON object that answers `body`, empty where the answer is."""
        return self._object(self._send("POST", path, json=dict(body)))

    def delete(self, path: str, body: Mapping[str, Any]) -> None:
        """Delete what `body` names."""
        self._send("DELETE", path, json=dict(body))

    def has_blob(self, digest: str) -> bool:
        """Whether the server has these bytes."""
        try:
            self._send("HEAD", f"/api/blobs/{digest}")
        except Refused as refusal:
            if refusal.status == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True

    def add_blob(self, digest: str, size: int, content: Iterable[bytes]) -> None:
        """Send the bytes of that digest, as they come."""
        headers = {"Content-Length": str(size)}
        self._send("POST", f"/api/blobs/{digest}", content=content, headers=headers)

    def stream(self, path: str, body: Mapping[str, Any]) -> Generator[dict[str, Any], None, None]:
        """Each object of a streamed answer; closing the iterator ends the work at the server."""
        import httpx

        try:
            with self._http.stream("POST", path, json=dict(body)) as response:
                if response.status_code >= HTTPStatus.BAD_REQUEST:
                    response.read()
                    _refuse(response, f"{response.status_code} {response.reason_phrase}: ")
                for line in _lines(response.iter_bytes()):
                    if error := line.get("error"):
                        raise Refused(HTTPStatus.OK, str(error))
                    yield line
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _send(self, method: str, path: str, **request: Any) -> "httpx.Response":
        import httpx

        try:
            response = self._http.request(method, path, **request)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            _refuse(response)
        return response

    def _unreachable(self, error: "httpx.TransportError") -> NoServer:
        import httpx

        if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
            return NoServer(
                f"could not connect to a model server at {self.url}, "
                "run 'ragstone model serve' to start it, or set OLLAMA_HOST to where one runs"
            )
        return NoServer(
            f"the model server at {self.url} broke off: {error or type(error).__name__}"
        )

    def _object(self, response: "httpx.Response") -> dict[str, Any]:
        if not response.content.strip():
            return {}
        try:
            value = response.json()
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise Refused(response.status_code, f"what answers at {self.url} is no model server")
        return value


def _refuse(response: "httpx.Response", prefix: str = "") -> NoReturn:
    try:
        sentence = str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        sentence = response.text.strip()[:MOST_OF_A_PAGE] or response.reason_phrase
    raise Refused(response.status_code, prefix + sentence)


def _lines(parts: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    # By hand: httpx's own lines also end at U+2028 and the like, which stand raw in JSON texts.
    rest = b""
    for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        yield from map(_parsed, filter(bytes.strip, whole))
    if rest.strip():
        yield _parsed(rest)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Refused(HTTPStatus.OK, "the answer broke off, or what answers is no model server")
    return value
