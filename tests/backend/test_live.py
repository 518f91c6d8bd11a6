"""A real server on a real socket with fake runners: clients that leave, many at once, loads."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import uvicorn

from backend.engine.fake_runner import FakeRunner, Script
from backend.main import create_app
from backend.settings import BackendSettings

BODY = {"model": "plain", "prompt": "x", "raw": True}


@pytest.fixture
def script() -> Script:
    return Script(reply="word " * 500, token_seconds=0.01)


@pytest.fixture
async def live(settings: BackendSettings, script: Script) -> AsyncIterator[httpx.AsyncClient]:
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(settings, lambda spec: FakeRunner(spec, script))
    config = uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    await until(lambda: server.started)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client
    server.should_exit = True
    await serving
    assert script.stops == script.loads


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the other side of a socket has no event
            await asyncio.sleep(0.002)


async def test_a_stream_whose_client_leaves_stops_within_a_second(
    live: httpx.AsyncClient, script: Script
) -> None:
    async with live.stream("POST", "/api/generate", json=BODY) as response:
        await anext(response.aiter_lines())
        assert script.running == 1
    await until(lambda: script.running == 0, seconds=1)
    assert script.cancelled == 1


async def test_a_whole_answer_whose_client_leaves_stops_within_a_second(
    live: httpx.AsyncClient, script: Script
) -> None:
    asking = asyncio.create_task(live.post("/api/generate", json={**BODY, "stream": False}))
    await until(lambda: script.running == 1)
    asking.cancel()
    await until(lambda: script.running == 0, seconds=1)
    assert script.cancelled == 1


async def test_a_client_that_leaves_before_the_first_word_stops_it(
    live: httpx.AsyncClient, script: Script
) -> None:
    script.token_seconds = 60
    asking = asyncio.create_task(live.post("/api/generate", json=BODY))
    await until(lambda: script.running == 1)
    asking.cancel()
    await until(lambda: script.running == 0, seconds=1)


async def test_a_client_that_leaves_during_a_load_leaves_the_load_to_the_others(
    live: httpx.AsyncClient, script: Script
) -> None:
    script.load_seconds, script.token_seconds = 0.2, 0
    leaver = asyncio.create_task(live.post("/api/generate", json=BODY))
    await until(lambda: script.loads == 1)
    stayers = [asyncio.create_task(live.post("/api/generate", json=BODY)) for _ in range(3)]
    leaver.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await leaver
    answers = await asyncio.gather(*stayers)
    assert [answer.status_code for answer in answers] == [200] * 3
    assert script.loads == 1


async def test_the_server_answers_while_a_model_loads(
    live: httpx.AsyncClient, script: Script
) -> None:
    script.load_seconds, script.token_seconds = 0.2, 0
    asking = asyncio.create_task(live.post("/api/generate", json=BODY))
    await until(lambda: script.loads == 1)
    assert (await live.get("/api/ps")).json() == {"models": []}
    assert (await live.get("/")).status_code == 200
    assert (await asking).status_code == 200


async def test_twenty_requests_at_once_all_get_their_answer(
    live: httpx.AsyncClient, script: Script
) -> None:
    script.load_seconds, script.token_seconds, script.reply = 0.05, 0.001, None
    prompts = [f"number {n}" for n in range(20)]
    answers = await asyncio.gather(
        *(live.post("/api/generate", json={**BODY, "prompt": prompt}) for prompt in prompts)
    )
    texts = [
        "".join(json.loads(line)["response"] for line in answer.text.splitlines())
        for answer in answers
    ]
    assert texts == prompts
    assert script.loads == 1


async def test_a_crash_in_mid_answer_spares_the_server(
    live: httpx.AsyncClient, script: Script
) -> None:
    script.crash_after, script.token_seconds, script.reply = 3, 0, "a b c d e"
    crashed = (await live.post("/api/generate", json=BODY)).text.splitlines()
    assert [next(iter(json.loads(line))) for line in crashed] == ["model"] * 3 + ["error"]
    assert (await live.post("/api/generate", json=BODY)).text.count("\n") == 6
