"""The Ollama adapter against a small server of Ollama's shape, over real sockets."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse

from app.answering.chat_model import Piece, Prompt, Turn
from app.answering.errors import BackendFailed, BackendUnavailable, UnknownModel
from app.answering.ollama_model import OllamaModel

END = {
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 12,
    "eval_count": 2,
    "prompt_eval_duration": 30_000_000,
    "eval_duration": 20_000_000,
    "load_duration": 1_000_000,
}


@dataclass
class Server:
    """What the server was asked, and what became of it."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)

    async def lines(self, model: str, chat: bool) -> AsyncIterator[str]:
        def line(text: str, **more: object) -> str:
            words = (
                {"message": {"role": "assistant", "content": text}} if chat else {"response": text}
            )
            body = {"model": model, "created_at": "2026-01-01T00:00:00Z", "done": False}
            return json.dumps({**body, **words, **more}) + "\n"

        try:
            yield line("28")
            if model == "dies":
                yield json.dumps({"error": "the runner died"}) + "\n"
            elif model == "endless":
                while True:
                    yield line(" more")
                    await asyncio.sleep(0.01)
            elif model != "breaks-off":
                yield line(" days")
                yield line("", **END)
        finally:
            self.left.set()


def ollama_like(server: Server) -> FastAPI:
    app = FastAPI()

    @app.post("/api/generate")
    @app.post("/api/chat")
    async def generate(request: Request) -> Any:
        body = await request.json()
        server.asked.append(body)
        if body["model"] == "none":
            return JSONResponse({"error": "model 'none' not found"}, 404)
        if body["model"] == "a b":
            return JSONResponse({"error": "invalid model name"}, 400)
        if body["model"] == "bad":
            return JSONResponse({"error": "out of memory"}, 500)
        lines = server.lines(body["model"], request.url.path.endswith("chat"))
        return StreamingResponse(lines, media_type="application/x-ndjson")

    @app.post("/api/show")
    async def show(request: Request) -> Any:
        server.asked.append(await request.json())
        return {"model_info": {"general.name": "x", "llama.context_length": 2048}}

    @app.get("/api/tags")
    async def tags() -> Any:
        listed = {"name": "m:1b", "model": "m:1b", "size": 7, "modified_at": "2026-01-01T00:00:00Z"}
        return {"models": [{**listed, "details": {"family": "llama"}}]}

    return app


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # connections wait in the queue until uvicorn is up
        made.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(ollama_like(made), log_level="error", timeout_graceful_shutdown=1)
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        yield made
        running.should_exit = True
        thread.join()


@pytest.fixture
async def model(server: Server) -> AsyncIterator[OllamaModel]:
    made = OllamaModel(server.url, request_timeout=10, keep_alive="5m")
    yield made
    await made.aclose()


RAW = Prompt("m:1b", text="Question: how long?\nAnswer:", num_ctx=512, max_tokens=9, stop=("\n",))
CHAT = Prompt("m:1b", turns=(Turn("user", "how long?"),), num_ctx=512, max_tokens=9)


async def pieces(model: OllamaModel, prompt: Prompt) -> list[Piece]:
    return [piece async for piece in model.stream(prompt)]


@pytest.mark.parametrize("prompt", [RAW, CHAT], ids=["raw", "chat"])
async def test_a_reply_comes_in_pieces_and_ends_with_counts(
    model: OllamaModel, server: Server, prompt: Prompt
) -> None:
    found = await pieces(model, prompt)
    assert "".join(piece.text for piece in found) == "28 days"
    end = found[-1].end
    assert end is not None
    assert (end.prompt_tokens, end.completion_tokens) == (12, 2)
    assert (end.engine_ms, end.load_ms, end.reason) == (50.0, 1.0, "stop")
    (asked,) = server.asked
    assert asked["keep_alive"] == "5m"
    assert asked["options"]["num_ctx"] == 512
    assert asked["options"]["num_predict"] == 9
    assert asked["options"]["temperature"] == 0
    assert bool(asked.get("raw")) is (prompt is RAW)


@pytest.mark.parametrize("prompt", [RAW, CHAT], ids=["raw", "chat"])
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("none", UnknownModel),
        ("a b", UnknownModel),
        ("bad", BackendFailed),
        ("dies", BackendFailed),
        ("breaks-off", BackendFailed),
    ],
)
async def test_failures_are_our_own_errors(
    model: OllamaModel, prompt: Prompt, name: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await pieces(model, Prompt(name, text=prompt.text, turns=prompt.turns))


@pytest.mark.parametrize("prompt", [RAW, CHAT], ids=["raw", "chat"])
async def test_closing_the_stream_hangs_up(
    model: OllamaModel, server: Server, prompt: Prompt
) -> None:
    endless = Prompt("endless", text=prompt.text, turns=prompt.turns)
    async with aclosing(model.stream(endless)) as stream:
        async for _ in stream:
            break
    assert await asyncio.to_thread(server.left.wait, 5)


async def test_no_server_is_unavailable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        model = OllamaModel(f"http://127.0.0.1:{unused.getsockname()[1]}")
        for prompt in (RAW, CHAT):
            with pytest.raises(BackendUnavailable, match="RAGSTONE_OLLAMA_URL"):
                await pieces(model, prompt)
        with pytest.raises(BackendUnavailable):
            await model.models()
        await model.aclose()


async def test_context_length_is_asked_once(model: OllamaModel, server: Server) -> None:
    assert await model.context_length("m:1b") == 2048
    assert await model.context_length("m:1b") == 2048
    assert len(server.asked) == 1


async def test_a_server_without_tokenize_is_asked_once(model: OllamaModel) -> None:
    assert await model.count_tokens("m:1b", "how long", 512) is None
    assert await model.count_tokens("m:1b", "how long", 512) is None


async def test_models_are_listed(model: OllamaModel) -> None:
    (found,) = await model.models()
    assert (found.name, found.size_bytes, found.family) == ("m:1b", 7, "llama")


async def test_loading_asks_for_one_token(model: OllamaModel, server: Server) -> None:
    await model.load(RAW)
    assert server.asked[0]["options"]["num_predict"] == 1


def test_one_adapter_serves_several_event_loops(server: Server) -> None:
    model = OllamaModel(server.url)

    async def once() -> int:
        found = len(await pieces(model, RAW)) + len(await pieces(model, CHAT))
        await model.aclose()
        return found

    assert asyncio.run(once()) == asyncio.run(once())
