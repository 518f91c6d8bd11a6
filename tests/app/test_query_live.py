"""The whole service as a process, with the bundled models: load, disconnect, crash, crowd."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.fixtures.service import RunningService, running_service

pytestmark = pytest.mark.model

HANDBOOK = """# Staff handbook

Full-time employees receive 25 days of annual leave per year. Unused leave expires on 31 March.

Dr. Maria Okafor approves every flight that is longer than six hours.
"""
MANUAL = """# 星火咖啡机

水箱容量为1.8升，每天使用前请加满清水。保修期为两年，由上海维修中心负责维修。
"""
LEAVE = "How many days of annual leave do full-time employees receive?"
CHATTER = "smollm2:135m"
STORY = "Write a very long story about a ship and its crew, two thousand words at least."
PATIENCE = 120
"""Seconds for one answer on a machine that does other things too."""


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, ollama_models: Path
) -> Iterator[RunningService]:
    folder = tmp_path_factory.mktemp("query-live") / "data"
    with running_service(folder, RAGSTONE_MODELS_DIR=str(ollama_models.parent)) as running:
        files = [
            ("files", ("handbook.md", HANDBOOK.encode())),
            ("files", ("手册.md", MANUAL.encode())),
        ]
        url = f"{running.url}/v1/collections/default/documents"
        for document in httpx.post(url, files=files, timeout=60).json()["documents"]:
            job = httpx.get(f"{running.url}/v1/jobs/{document['job_id']}/events", timeout=PATIENCE)
            assert '"succeeded"' in job.text
        yield running


@pytest.fixture
async def client(service: RunningService) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, timeout=PATIENCE) as made:
        yield made


async def ask(client: httpx.AsyncClient, question: str, **options: object) -> dict[str, Any]:
    response = await client.post("/v1/query", json={"question": question, **options})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def children(service: RunningService) -> list[psutil.Process]:
    """Return the processes in which models run."""
    found = []
    for process in psutil.Process(service.process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile; a zombie is one of these too
            if "backend.engine.llama_child" in process.cmdline():
                found.append(process)
    return found


async def unload(service: RunningService, client: httpx.AsyncClient) -> None:
    """Let the backend forget the models, so that the next request has to load one."""
    ollama = (await client.get("/v1/info")).json()["ollama"]["url"]
    for name in ("gemma3-base:270m", CHATTER):
        await client.post(f"{ollama}/api/generate", json={"model": name, "keep_alive": 0})


async def test_a_request_while_the_model_loads_waits_and_is_answered(
    service: RunningService, client: httpx.AsyncClient
) -> None:
    await unload(service, client)
    answers = await asyncio.gather(ask(client, LEAVE), ask(client, LEAVE))
    for answer in answers:
        assert answer["status"] == "answered"
        assert "25 days" in answer["answer"]
        assert answer["sources"][0]["document_name"] == "handbook.md"


async def test_a_loaded_model_is_not_loaded_again_for_the_next_question(
    service: RunningService, client: httpx.AsyncClient
) -> None:
    await ask(client, LEAVE)
    before = {process.pid for process in children(service)}
    await ask(client, "Who approves flights that are longer than six hours?")
    assert {process.pid for process in children(service)} == before


async def test_a_chinese_question_on_a_chinese_document(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "水箱的容量是多少？")
    assert answer["status"] == "answered"
    assert "1.8升" in answer["answer"]
    assert answer["sources"][0]["document_name"] == "手册.md"


async def test_a_question_without_an_answer(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "What is the salary of the football coach in Madrid?")
    assert answer["status"] == "abstained"


async def test_twenty_at_once(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(ask(client, LEAVE) for _ in range(20)))
    assert all("25 days" in answer["answer"] for answer in answers)
    assert len({answer["id"] for answer in answers}) == 20


def long_chat(*, stream: bool) -> dict[str, Any]:
    return {
        "model": CHATTER,
        "stream": stream,
        "max_tokens": 1500,
        "temperature": 0,
        "messages": [{"role": "user", "content": STORY}],
    }


def spent(service: RunningService) -> float:
    """Return the CPU seconds that the models' processes have used."""
    return sum(sum(process.cpu_times()[:2]) for process in children(service))


async def seconds_until_idle(service: RunningService) -> float:
    """Return how long the models' processes go on computing."""
    started = time.monotonic()
    used, quiet_since = -1.0, started
    while time.monotonic() - quiet_since < 0.5:
        now = spent(service)
        if now > used + 0.015:  # one tick of the clock is 0.01 s
            used, quiet_since = now, time.monotonic()
        await asyncio.sleep(0.02)
        assert time.monotonic() - started < PATIENCE, "the model goes on without a listener"
    return quiet_since - started


async def test_a_client_that_leaves_a_stream_stops_the_model(
    service: RunningService, client: httpx.AsyncClient
) -> None:
    async with client.stream("POST", "/v1/chat/completions", json=long_chat(stream=True)) as reply:
        async for line in reply.aiter_lines():
            if '"content": "' in line and '"content": ""' not in line:
                break
    assert await seconds_until_idle(service) < 2  # a second, and another for a busy machine


async def test_a_client_that_leaves_without_a_stream_stops_the_model(
    service: RunningService, client: httpx.AsyncClient
) -> None:
    idle = spent(service)
    request = asyncio.create_task(client.post("/v1/chat/completions", json=long_chat(stream=False)))
    while spent(service) < idle + 0.3:
        assert not request.done(), "the model answered before its client could leave"
        await asyncio.sleep(0.02)
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    assert await seconds_until_idle(service) < 2


async def test_a_model_killed_in_mid_answer_is_an_error_event_and_the_next_request_works(
    service: RunningService, client: httpx.AsyncClient
) -> None:
    seen: list[str] = []
    body = {"question": LEAVE, "model": CHATTER, "stream": True}
    async with client.stream("POST", "/v1/query", json=body) as reply:
        async for line in reply.aiter_lines():
            seen.append(line)
            if line == "event: token":
                for process in children(service):
                    process.kill()
    assert "event: error" in seen
    error = json.loads(seen[seen.index("event: error") + 1].removeprefix("data: "))
    assert error["code"] == "backend_failed"
    assert "answer" not in {line.removeprefix("event: ") for line in seen}
    assert "25 days" in (await ask(client, LEAVE))["answer"]
