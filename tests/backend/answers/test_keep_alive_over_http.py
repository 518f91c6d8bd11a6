"""keep_alive through the routes: its forms, what replaces what, and when a model goes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from backend.engine.fake_runner import Script
from backend.models.store import ModelStore
from tests.backend.conftest import backend_settings, client_for

ROUTES: dict[str, dict[str, Any]] = {
    "generate": {"prompt": "x", "stream": False},
    "chat": {"messages": [{"role": "user", "content": "x"}], "stream": False},
    "embed": {"input": "x"},
    "embeddings": {"prompt": "x"},
    "tokenize": {"content": "x"},
}


async def remaining(client: httpx.AsyncClient) -> float | None:
    """Seconds that the only loaded model still has; None when none is loaded."""
    models = (await client.get("/api/ps")).json()["models"]
    if not models:
        return None
    ends = datetime.fromisoformat(models[0]["expires_at"])
    assert ends.utcoffset() is not None
    return (ends - datetime.now(UTC)) / timedelta(seconds=1)


async def use(client: httpx.AsyncClient, route: str, **more: Any) -> None:
    body = {"model": "tiny", **ROUTES[route], **more}
    response = await client.post(f"/api/{route}", json=body)
    assert response.status_code == 200, response.text


async def gone(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(5):
        while await remaining(client) is not None:  # noqa: ASYNC110 - /api/ps is all there is
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("keep_alive", "seconds"), [(600, 600), (90.5, 90.5), ("1h30m", 5400), ("2m", 120), (None, 300)]
)
async def test_every_route_counts_and_takes_every_form(
    client: httpx.AsyncClient, route: str, keep_alive: Any, seconds: float
) -> None:
    await use(client, route, keep_alive=keep_alive)
    assert await remaining(client) == pytest.approx(seconds, abs=20)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("keep_alive", [0, "0", "0s", 0.0])
async def test_nothing_unloads_after_the_answer(
    client: httpx.AsyncClient, script: Script, route: str, keep_alive: Any
) -> None:
    await use(client, route, keep_alive=keep_alive)
    await gone(client)
    assert (script.loads, script.stops) == (1, 1)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "raw", ['"300"', '""', "true", "[1]", "{}", '"5 minutes"', "NaN", "Infinity", "-Infinity"]
)
async def test_every_route_refuses_what_is_no_time(
    client: httpx.AsyncClient, script: Script, route: str, raw: str
) -> None:
    content = f'{{"model":"tiny","keep_alive":{raw}}}'
    response = await client.post(f"/api/{route}", content=content)
    assert response.status_code == 400, response.text
    assert script.loads == 0


async def test_a_later_value_replaces_an_earlier_and_absence_leaves_it(
    client: httpx.AsyncClient,
) -> None:
    await use(client, "generate", keep_alive="1h")
    await use(client, "generate")
    assert await remaining(client) == pytest.approx(3600, abs=20)
    await use(client, "chat", keep_alive="-1s")
    assert (await remaining(client) or 0) > 200 * 365 * 86400
    await use(client, "chat", keep_alive=60)
    assert await remaining(client) == pytest.approx(60, abs=20)
    await use(client, "generate", prompt="", keep_alive="2h")
    assert await remaining(client) == pytest.approx(7200, abs=20)


@pytest.fixture
async def brief(store: ModelStore, script: Script) -> AsyncIterator[httpx.AsyncClient]:
    """A server whose own OLLAMA_KEEP_ALIVE is nothing."""
    async with client_for(backend_settings(store, keep_alive="0"), script) as client:
        yield client


async def test_the_servers_own_value_holds_where_a_request_has_none(
    brief: httpx.AsyncClient, script: Script
) -> None:
    await use(brief, "generate")
    await gone(brief)
    await use(brief, "generate", keep_alive="10m")
    assert await remaining(brief) == pytest.approx(600, abs=20)
    assert script.loads == 2


async def test_an_unload_waits_for_the_answer_under_way(
    client: httpx.AsyncClient, script: Script
) -> None:
    script.reply, script.token_seconds = "a b c d e f g h", 0.005
    asking = asyncio.create_task(
        client.post("/api/generate", json={"model": "tiny", "prompt": "x"})
    )
    async with asyncio.timeout(5):
        while not script.running:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    body = {"model": "tiny", "keep_alive": 0}
    unload = await client.post("/api/generate", json=body)
    assert unload.json()["done_reason"] == "unload"
    assert (await asking).text.splitlines()[-1].count('"done":true') == 1
    await gone(client)


@pytest.mark.parametrize("route", ["generate", "chat"])
async def test_unloading_loads_nothing_and_is_one_json_object(
    client: httpx.AsyncClient, script: Script, route: str
) -> None:
    response = await client.post(f"/api/{route}", json={"model": "TINY", "keep_alive": 0})
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    answer = response.json()
    assert (answer["model"], answer["done"], answer["done_reason"]) == ("TINY", True, "unload")
    assert "total_duration" not in answer
    assert script.loads == 0
    absent = await client.post(f"/api/{route}", json={"model": "absent", "keep_alive": 0})
    assert absent.status_code == 404
