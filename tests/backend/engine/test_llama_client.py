"""What a child's server may answer, byte by byte, from a socket that says what it is told to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import pytest

from backend.engine.llama_client import LlamaClient
from backend.errors import RunnerRejected

STREAM = "Content-Type: text/event-stream"


@asynccontextmanager
async def answering(
    *parts: bytes, then: Callable[[asyncio.StreamReader], Any] | None = None
) -> AsyncIterator[LlamaClient]:
    """A client of a server that writes `parts`, each in a packet of its own, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):  # the client hangs up as it likes
            asked = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b"content-length: " in asked:
                await reader.readexactly(int(asked.partition(b"content-length: ")[2].split()[0]))
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.01)
            if then is not None:
                await then(reader)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    serving: list[asyncio.Task[None]] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = LlamaClient(f"http://127.0.0.1:{port}", "key")
    try:
        yield client
    finally:
        await client.close()
        server.close()
        await server.wait_closed()
        await asyncio.gather(*serving)


def head(status: int = 200, more: str = "Content-Type: application/json") -> bytes:
    return f"HTTP/1.1 {status} X\r\n{more}\r\nConnection: close\r\n\r\n".encode()


async def events(*parts: bytes) -> list[dict[str, Any]]:
    async with answering(head(more=STREAM), *parts) as client:
        return [event async for event in client.events({})]


async def test_events_are_read_between_comments_and_blank_lines() -> None:
    text = b': ping\n\ndata: {"content":"a"}\n\nid: 1\ndata: {"stop":true}\n\ndata: [DONE]\n\n'
    assert await events(text) == [{"content": "a"}, {"stop": True}]


async def test_events_may_be_cut_anywhere() -> None:
    text = 'data: {"content":"ä漢"}\r\n\r\ndata: {"stop":true}\n\n'.encode()
    parts = [text[at : at + 1] for at in range(len(text))]
    assert await events(*parts) == [{"content": "ä漢"}, {"stop": True}]


async def test_an_event_may_be_larger_than_any_buffer() -> None:
    (event,) = await events(b'data: {"content":"' + b"x" * 3_000_000 + b'"}\n\n')
    assert len(event["content"]) == 3_000_000


async def test_chunks_of_http_are_no_matter() -> None:
    chunked = head(more=f"{STREAM}\r\nTransfer-Encoding: chunked")
    body = b'6\r\ndata: \r\nc\r\n{"stop":true\r\n3\r\n}\n\n\r\n0\r\n\r\n'
    async with answering(chunked, body) as client:
        assert [event async for event in client.events({})] == [{"stop": True}]


@pytest.mark.parametrize(
    "text",
    [b'data: {"content":"a"}\n\nerror: {"code":500,"message":"went wrong"}\n\n',
     b'data: {"error":{"code":500,"message":"went wrong"}}\n\n'],
)  # fmt: skip
async def test_an_error_event_in_either_form_is_raised(text: bytes) -> None:
    with pytest.raises(RunnerRejected, match="went wrong"):
        await events(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(b'{"error":{"message":"no"}}', "no"), (b"<html>", "the engine answered 400"),
     (b"[]", "the engine answered 400"), (b"\xff", "the engine answered 400")],
)  # fmt: skip
async def test_a_refusal_has_a_sentence_whatever_its_body(text: bytes, sentence: str) -> None:
    async with answering(head(400), text) as client:
        with pytest.raises(RunnerRejected) as raised:
            await client.post("/tokenize", {})
        assert str(raised.value) == sentence
        with pytest.raises(RunnerRejected, match=sentence):
            await anext(client.events({}))


async def test_a_stream_that_breaks_off_is_a_lost_connection() -> None:
    chunked = head(more=f"{STREAM}\r\nTransfer-Encoding: chunked")
    async with answering(chunked, b'16\r\ndata: {"content":"a"}\n\r\n') as client:
        stream = client.events({})
        assert await anext(stream) == {"content": "a"}
        with pytest.raises(ConnectionError):
            await anext(stream)


async def test_a_server_that_says_nothing_is_a_lost_connection() -> None:
    async with answering() as client:
        with pytest.raises(ConnectionError):
            await client.post("/tokenize", {})
        assert not await client.healthy()


async def test_a_server_that_is_gone_is_a_lost_connection() -> None:
    async with answering() as client:
        pass
    gone = LlamaClient(client.url, "key")
    with pytest.raises(ConnectionError):
        await gone.post("/tokenize", {})
    assert not await gone.healthy()
    await gone.close()


async def test_closing_the_stream_hangs_up() -> None:
    left = asyncio.Event()

    async def wait(reader: asyncio.StreamReader) -> None:
        while await reader.read(100):
            pass
        left.set()

    begun = (head(more=STREAM), b'data: {"content":"a"}\n\n')
    async with answering(*begun, then=wait) as client:
        async with aclosing(client.events({})) as stream:
            await anext(stream)
        await asyncio.wait_for(left.wait(), 10)
