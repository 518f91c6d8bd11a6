"""Requests that are too large, too deep, too slow, or hardly HTTP: each is answered, or cut off."""

import asyncio
import json
from typing import Any

import pytest

from backend.models.store import ModelStore
from backend.web import request_head, wire
from tests.backend.conftest import backend_settings
from tests.backend.security.conftest import Server, running

POSTS = ["generate", "chat", "embed", "embeddings", "show", "copy", "create", "pull", "push",
         "tokenize"]  # fmt: skip
VERSIONED = ["chat/completions", "completions", "embeddings", "responses", "messages"]


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"model":' * 100_000, b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
     b'{"options":' + b'{"a":' * 300 + b"1" + b"}" * 301, b"\xff\xfe{}", b'{"model":"\xc3("}',
     b'{"model":1e999}', b'{"model":' + b"9" * 5000 + b"}", b'"', b"null", b"{", b"{}x",
     b'{"model":NaN}', b"\0", b'{"model":"\\ud800"}', b'{"model":"a\\u0000b"}'],
    ids=lambda body: repr(body[:16]),
)  # fmt: skip
async def test_json_that_is_deep_broken_or_odd_is_an_error_of_the_right_form(
    server: Server, body: bytes
) -> None:
    for path in (*(f"/api/{one}" for one in POSTS), *(f"/v1/{one}" for one in VERSIONED)):
        response = await server.client.post(path, content=body)
        # 404 where an empty name counts as an absent one; push tells a bad name in its last line
        expected = (200, 400) if path == "/api/push" else (400, 404)
        assert response.status_code in expected, (path, response.text[:300])
        assert "error" in json.loads(response.text.splitlines()[-1]), path
        assert "internal" not in response.text


async def test_a_body_has_a_bound_in_bytes_and_in_values(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MAX_BODY", 1 << 20)
    monkeypatch.setattr(wire, "MAX_VALUES", 1000)
    long = json.dumps({"model": "tiny", "prompt": "x" * (2 << 20)}).encode()
    for raw, sentence in (
        (long, "larger than 1 MB"),
        (b'{"model":"tiny","context":[' + b"1," * 2000 + b"1]}", "more than 1000 values"),
        (b'{"model":"tiny","x":[' + b"{}," * 2000 + b"{}]}", "more than 1000 values"),
    ):
        response = await server.client.post("/api/generate", content=raw)
        assert response.status_code == 400
        assert sentence in response.json()["error"]


async def test_a_huge_window_is_clipped_to_what_the_model_was_trained_for(server: Server) -> None:
    for asked in (10**15, 65, 1 << 62, 3.9e18):
        body = {"model": "plain", "prompt": "x", "stream": False, "options": {"num_ctx": asked}}
        assert (await server.post("/api/generate", **body)).status_code == 200
        (loaded,) = (await server.client.get("/api/ps")).json()["models"]
        assert loaded["context_length"] == 64
    assert server.script.loads == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("num_ctx", 1e300), ("num_ctx", "1"), ("num_ctx", -(10**30)), ("num_batch", 10**30),
     ("num_thread", [1]), ("seed", 1e40), ("temperature", "hot"), ("stop", "x"), ("stop", [1]),
     ("num_gpu", {}), ("use_mmap", 1), ("top_k", True), ("num_keep", 1e25)],
)  # fmt: skip
async def test_an_option_of_another_kind_never_reaches_a_runner(
    server: Server, name: str, value: Any
) -> None:
    body = {"model": "plain", "prompt": "x", "options": {name: value}}
    status, error = await server.refused("/api/generate", **body)
    assert status == 500  # as Ollama
    assert name in error
    assert server.script.loads == 0


SCHEMAS: dict[str, Any] = {
    "too deep": json.loads('{"items":' * 100 + "{}" + "}" * 100),
    "too large": {"enum": ["x" * 200_000]},
    "too many items": {"type": "array", "maxItems": 10**9},
    "too many items in all": {"anyOf": [{"minItems": 5000}] * 5},
    "too many items, and a way around": {"allOf": [{"maxItems": 10**9}, {"minItems": -(10**12)}]},
    "long patterns": {"anyOf": [{"pattern": "a" * 1000}] * 5},
    "a pattern with flags": {"pattern": "(?i:[\u0100-\U0010ffff])" * 100},
    "a pattern that does not end": {"pattern": "(" * 5000},
    "a reference to nothing": {"$ref": "#/nowhere"},
    "a reference outside": {"$ref": "file:///etc/passwd"},
    "no type": {"type": [[["a"]]]},
}


@pytest.mark.parametrize("kind", SCHEMAS)
async def test_a_schema_that_would_choke_the_engine_is_refused_before_a_load(
    server: Server, kind: str
) -> None:
    async with asyncio.timeout(5):
        body = {"model": "plain", "prompt": "x", "format": SCHEMAS[kind]}
        status, error = await server.refused("/api/generate", **body)
        assert (status, error[:14]) == (400, "invalid format")
        shape = {"type": "json_schema", "json_schema": {"schema": SCHEMAS[kind]}}
        messages = [{"role": "user", "content": "x"}]
        body = {"model": "plain", "messages": messages, "response_format": shape}
        assert (await server.post("/v1/chat/completions", **body)).status_code == 400
    assert server.script.loads == 0


@pytest.mark.parametrize(
    "head",
    ["GET /{} HTTP/1.1", "GET / HTTP/1.1\r\nX: {}", "GET / HTTP/1.1\r\n{}: x",
     "POST /api/show HTTP/1.1\r\nContent-Length: 2\r\nX: {}"],
)  # fmt: skip
async def test_a_head_without_an_end_is_cut_off(server: Server, head: str) -> None:
    before = head.partition("{}")[0]
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(before.encode())
    sent = 0
    while not reader.at_eof() and sent < 8 << 20:
        try:
            writer.write(b"a" * 8192)
            await writer.drain()
        except ConnectionError:
            break
        sent += 8192
        await asyncio.sleep(0)
    writer.close()
    assert sent < 8 << 20
    assert await server.lives()


async def test_a_head_of_many_small_headers_is_cut_off_too(server: Server) -> None:
    many = b"".join(b"X%d: a\r\n" % number for number in range(20_000))
    answer = await server.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + many)
    assert b"200 OK" not in answer
    large = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 30_000 + b"\r\n\r\n"
    assert b"200 OK" in await server.raw(large)
    body = b"POST /api/show HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n"
    assert b"model is required" in await server.raw(body + b"{}" + b" " * 199_998)


async def test_a_connection_that_never_asks_is_closed(
    store: ModelStore, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_head, "SECONDS", 0.05)
    async with running(backend_settings(store), script) as server:
        for said in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(said)
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            writer.close()
        script.token_seconds = 0.05  # an answer may take longer than a question
        answer = await server.post("/api/generate", model="plain", prompt="x", stream=False)
        assert answer.json()["response"] == "one two three"


@pytest.mark.parametrize(
    "request_",
    [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"GET /\0 HTTP/1.1\r\n\r\n",
     b"POST /api/show HTTP/1.1\r\nContent-Length: -1\r\n\r\n{}",
     b"POST /api/show HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
     b"POST /api/show HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
     b"POST /api/show HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     b"POST /api/show HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
     b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", b"CONNECT evil.example:80 HTTP/1.1\r\n\r\n"],
)  # fmt: skip
async def test_what_two_readers_could_read_in_two_ways_is_no_request(
    server: Server, request_: bytes
) -> None:
    answer = await server.raw(request_)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"connection: close" in answer.lower()
    assert await server.lives()


async def test_what_the_system_refuses_is_told_in_the_answers_own_form(server: Server) -> None:
    name = "h" * 300 + "/a/b"  # a host may have 350 characters, a file's name 255
    status, error = await server.refused("/api/copy", source="tiny", destination=name)
    assert (status, error) == (500, "the server's system refused: File name too long")
    lines = await server.lines("/api/create", model=name, from_="tiny")
    assert lines[-1] == {"error": error}
    assert (await server.refused("/api/show", model=name))[0] == 404
