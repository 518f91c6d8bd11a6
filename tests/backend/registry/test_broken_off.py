"""Pulls that are killed, left or shared: what came is kept, and one blob is fetched once."""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from backend.answers.generation import Backend
from backend.models.store import ModelStore
from tests.backend.conftest import AppClient
from tests.backend.processes import backend_process
from tests.backend.registry.conftest import BIG, KB, left_over, set_limits
from tests.backend.registry.server import Registry

ROOT = Path(__file__).resolve().parents[3]
SLOTS = 18  # connections at once, of 32 parts
LARGE = random.Random(2).randbytes(2048 * KB)


@contextmanager
def small_backend(models: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.backend.registry.small_backend", str(models)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.mark.parametrize(("how", "again"), [(signal.SIGKILL, SLOTS * 8 * KB), (signal.SIGTERM, 0)])
def test_after_kill_only_what_is_missing_is_fetched(
    registry: Registry, store: ModelStore, how: signal.Signals, again: int
) -> None:
    """`again`: bytes that had come but were not noted, at most a note's worth for each part."""
    registry.add_model({"model": LARGE})
    digest = registry.add_blob(LARGE)
    body = {"model": registry.name(), "insecure": True}
    registry.faults.stalls, registry.faults.stall_after = SLOTS, 32 * KB
    came = SLOTS * 32 * KB
    with (
        small_backend(store.folder) as (process, url),
        httpx.stream("POST", f"{url}/api/pull", json=body, timeout=30) as answer,
    ):
        for line in answer.iter_lines():
            if json.loads(line).get("completed", 0) == came:
                break
        process.send_signal(how)
        process.wait(10)
    assert not store.blobs.has(digest)
    assert f"sha256-{digest[7:]}-partial" in left_over(store)
    assert registry.sent[digest] == came

    registry.sent.clear()
    with small_backend(store.folder) as (_, url):
        said = httpx.post(f"{url}/api/pull", json=body, timeout=30).text.splitlines()
    assert json.loads(said[-1]) == {"status": "success"}
    first = next(json.loads(line) for line in said if digest in line)
    assert came - again <= first["completed"] <= came
    assert registry.sent[digest] == len(LARGE) - first["completed"]
    assert store.blobs.path(digest).read_bytes() == LARGE
    assert left_over(store) == []


def test_a_registry_of_its_own_process_gives_what_a_store_has(
    store: ModelStore, tmp_path: Path, gguf: bytes
) -> None:
    source = ModelStore(tmp_path / "source")
    source.add("me/tiny:1b", tmp_path / "tiny.gguf", template="{{ .Prompt }}")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.backend.registry.server", str(source.folder), "0"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as registry:
        try:
            assert registry.stdout is not None
            host = registry.stdout.readline().strip()
            body = {"model": f"{host}/me/tiny:1b", "insecure": True, "stream": False}
            with backend_process(store.folder) as (_, url):
                assert httpx.post(f"{url}/api/pull", json=body).json() == {"status": "success"}
            sent = httpx.get(f"http://{host}/_sent", trust_env=False).json()
        finally:
            registry.kill()
    (theirs,), (ours,) = source.models(), store.models()
    assert ours.digest == theirs.digest
    assert sum(sent.values()) == ours.size


@pytest.fixture
async def live(app: AppClient) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application on a real socket, so that it can leave."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app.app, log_config=None, timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve([listener]))
    await until(lambda: server.started)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        yield client
    server.should_exit = True
    await serving


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the other side of a socket has no event
            await asyncio.sleep(0.005)


async def pull_until(live: httpx.AsyncClient, body: dict[str, Any], enough: int) -> None:
    """Pull until so many bytes are there, then leave."""
    async with live.stream("POST", "/api/pull", json=body) as answer:
        async for line in answer.aiter_lines():
            if json.loads(line).get("completed", 0) >= enough:
                return


async def ended(backend: Backend) -> None:
    await until(lambda: not backend.transfers.busy)


async def test_a_client_that_leaves_ends_the_pull_and_what_came_is_kept(
    live: httpx.AsyncClient, registry: Registry, store: ModelStore, backend: Backend
) -> None:
    registry.add_model({"model": BIG})
    digest, body = registry.add_blob(BIG), {"model": registry.name(), "insecure": True}
    registry.faults.stalls = 16
    came = 16 * 4 * KB
    await pull_until(live, body, came)
    await ended(backend)
    assert registry.sent[digest] == came
    assert f"sha256-{digest[7:]}-partial-0" in left_over(store)

    registry.sent.clear()
    await pull_until(live, body, 10**9)
    assert store.blobs.path(digest).read_bytes() == BIG
    assert registry.sent[digest] == len(BIG) - came


async def test_a_client_that_leaves_without_stream_ends_it_too(
    live: httpx.AsyncClient, registry: Registry, backend: Backend
) -> None:
    registry.add_model({"model": BIG})
    registry.faults.stalls = 10**6
    body = {"model": registry.name(), "insecure": True, "stream": False}
    asking = asyncio.create_task(live.post("/api/pull", json=body))
    await until(lambda: backend.transfers.busy)
    asking.cancel()
    await ended(backend)


async def test_two_pulls_of_a_blob_share_one_download(
    live: httpx.AsyncClient, registry: Registry, store: ModelStore, backend: Backend
) -> None:
    registry.add_model({"model": BIG})
    registry.add_model({"model": BIG, "system": b"Be kind."}, "library/other:latest")
    digest = registry.add_blob(BIG)
    registry.faults.pause = 0.01
    names = [registry.name(), registry.name("library/other:latest"), registry.name()]
    answers = await asyncio.gather(
        *(live.post("/api/pull", json={"model": name, "insecure": True}) for name in names)
    )
    assert [json.loads(a.text.splitlines()[-1]) for a in answers] == [{"status": "success"}] * 3
    assert registry.sent[digest] == len(BIG)
    assert len(store.models()) == 2
    assert not backend.transfers.busy
    assert left_over(store) == []


async def test_one_of_two_may_leave_and_the_other_goes_on(
    live: httpx.AsyncClient, registry: Registry, store: ModelStore, backend: Backend
) -> None:
    registry.add_model({"model": BIG})
    digest, body = registry.add_blob(BIG), {"model": registry.name(), "insecure": True}
    registry.faults.stalls = 16
    async with live.stream("POST", "/api/pull", json=body) as leaver:
        heard = leaver.aiter_lines()  # kept: without it, the answer would end here
        await seen(heard, digest)
        async with live.stream("POST", "/api/pull", json=body) as stayer:
            lines = stayer.aiter_lines()
            await seen(lines, digest)
            await leaver.aclose()
            registry.faults.stalled.set()
            rest = [json.loads(line) async for line in lines]
    assert rest[-1] == {"status": "success"}
    assert registry.sent[digest] == len(BIG)
    assert store.blobs.path(digest).read_bytes() == BIG


async def seen(lines: AsyncIterator[str], digest: str) -> None:
    """Read until a line about that blob."""
    while digest not in await anext(lines):
        pass


async def test_a_pull_right_after_another_was_left_waits_for_its_files(
    live: httpx.AsyncClient, registry: Registry, store: ModelStore, backend: Backend
) -> None:
    registry.add_model({"model": BIG})
    digest, body = registry.add_blob(BIG), {"model": registry.name(), "insecure": True}
    registry.faults.pause = 0.005
    for part in range(1, 6):
        await pull_until(live, body, len(BIG) * part // 8)
    await pull_until(live, body, 10**9)
    await ended(backend)
    assert store.blobs.path(digest).read_bytes() == BIG


async def test_a_failed_download_fails_all_who_wait_and_the_next_one_begins_anew(
    live: httpx.AsyncClient, registry: Registry, backend: Backend
) -> None:
    set_limits(backend, smallest_part=len(BIG), largest_part=len(BIG))
    registry.add_model({"model": BIG})
    registry.faults.statuses = [503] * 6
    body = {"model": registry.name(), "insecure": True}
    answers = await asyncio.gather(*(live.post("/api/pull", json=body) for _ in range(3)))
    errors = [json.loads(answer.text.splitlines()[-1]) for answer in answers]
    assert {"error": "max retries exceeded: 503: not now"} in errors
    assert all("error" in error or error == {"status": "success"} for error in errors)
    await pull_until(live, body, 10**9)
    assert (await live.get("/api/tags")).json()["models"] != []
