"""The HTTP side: where the server is, what it says no with, and answers that break."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from backend.commands.errors import NoServer, Refused
from backend.commands.server import Server, server_url


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::]:8080", "http://[::1]:8080"),
        ("::1", "http://[::1]:11434"),
        ("http://example.com", "http://example.com:80"),
        ("https://example.com", "https://example.com:443"),
        ("https://example.com/ollama/", "https://example.com:443/ollama"),
        ("example.com:56/a/b", "http://example.com:56/a/b"),
        (" 'example.com:99999' ", "http://example.com:11434"),
    ],
)
def test_where_a_client_goes(host: str, url: str) -> None:
    assert server_url(host) == url


@contextmanager
def answering(*answer: bytes) -> Iterator[Server]:
    """A server that gives every connection these bytes and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(b"".join(answer))

        thread = threading.Thread(target=serve)
        thread.start()
        with Server(f"http://127.0.0.1:{listener.getsockname()[1]}") as server:
            yield server
        thread.join(10)


def reply(body: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n\r\n".encode() + body


def test_a_line_is_ended_by_a_line_break_alone() -> None:
    lines = '{"response":"a\u2028b\u0085c"}\n\n{"response":"d"}'.encode()
    with answering(reply(lines)) as server:
        said = [line["response"] for line in server.stream("/api/generate", {})]
    assert said == ["a\u2028b\u0085c", "d"]


def test_an_error_after_the_first_line_ends_the_stream() -> None:
    with answering(reply(b'{"status":"pulling"}\n{"error":"gone"}\n')) as server:
        lines = server.stream("/api/pull", {})
        assert next(lines) == {"status": "pulling"}
        with pytest.raises(Refused, match="gone"):
            next(lines)


def test_an_error_before_the_stream_has_its_status_in_front() -> None:
    with (
        answering(reply(b'{"error":"no such thing"}', "404 Not Found")) as server,
        pytest.raises(Refused, match="404 Not Found: no such thing") as caught,
    ):
        next(server.stream("/api/pull", {}))
    assert caught.value.not_found


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'"x"', b'{"a"'])
def test_what_is_no_model_server(body: bytes) -> None:
    with answering(reply(body)) as server, pytest.raises(Refused, match="no model server"):
        server.get("/api/tags")
    with answering(reply(body)) as server, pytest.raises(Refused, match="no model server"):
        list(server.stream("/api/pull", {}))


@pytest.mark.parametrize(
    ("body", "sentence"), [(b"busy", "busy"), (b"", "Bad Gateway"), (b"x" * 999, "x" * 300)]
)
def test_a_refusal_that_is_no_json(body: bytes, sentence: str) -> None:
    with answering(reply(body, "502 Bad Gateway")) as server, pytest.raises(Refused) as caught:
        server.get("/api/tags")
    assert str(caught.value) == sentence


def test_a_stream_that_breaks_off() -> None:
    with answering(reply(b'{"response":"a"}\n', length=999)) as server:
        lines = server.stream("/api/generate", {})
        assert next(lines) == {"response": "a"}
        with pytest.raises(NoServer, match="broke off"):
            next(lines)


def test_no_proxy_stands_before_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with answering(reply(b'{"models":[]}')) as server:
        assert server.get("/api/tags") == {"models": []}
