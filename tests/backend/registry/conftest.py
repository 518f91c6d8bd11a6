"""A registry, an empty store, and the application that pulls from one into the other."""

import json
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.answers.generation import Backend
from backend.engine.fake_runner import Script
from backend.models.store import ModelStore
from backend.registry.limits import Limits
from backend.settings import BackendSettings
from tests.backend.conftest import AppClient, backend_settings, client_for
from tests.backend.gguf_files import write_gguf
from tests.backend.registry.server import Registry, serve

KB = 1 << 10
BIG = random.Random(1).randbytes(256 * KB)  # 16 parts with the limits below
WAITED: list[float] = []


async def noted(seconds: float) -> None:
    """A sleep that takes no time but is remembered."""
    WAITED.append(seconds)


SMALL = Limits(
    smallest_part=16 * KB,
    largest_part=64 * KB,
    stall=5.0,
    fresh_start=8 * KB,
    save_every=4 * KB,
    report_every=0.01,
    sleep=noted,
)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    WAITED.clear()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serve() as registry:
        yield registry


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "ollama" / "models")


@pytest.fixture
def settings(store: ModelStore, tmp_path: Path) -> BackendSettings:
    return backend_settings(store, bundled_models=tmp_path / "bundled")


@pytest.fixture
def app(settings: BackendSettings) -> AppClient:
    app = client_for(settings, Script())
    app.app.state.backend.transfers.limits = SMALL
    return app


@pytest.fixture
def backend(app: AppClient) -> Backend:
    backend: Backend = app.app.state.backend
    return backend


@pytest.fixture
async def client(app: AppClient) -> AsyncIterator[httpx.AsyncClient]:
    async with app as client:
        client.timeout = httpx.Timeout(60)
        yield client


@pytest.fixture
def gguf(tmp_path: Path) -> bytes:
    return write_gguf(tmp_path / "tiny.gguf").read_bytes()


def set_limits(backend: Backend, **values: Any) -> None:
    backend.transfers.limits = replace(backend.transfers.limits, **values)


async def lines(client: httpx.AsyncClient, route: str, **body: Any) -> list[dict[str, Any]]:
    """The lines that pull or push answers with; its status must be 200."""
    answer = await client.post(f"/api/{route}", json={"insecure": True, **body})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def pulled(client: httpx.AsyncClient, registry: Registry, **body: Any) -> list[Any]:
    return await lines(client, "pull", **{"model": registry.name(), **body})


def statuses(said: list[dict[str, Any]]) -> list[str]:
    """The statuses in order, each run of the same one once; an error as `error: ...`."""
    found: list[str] = []
    for line in said:
        text = line.get("status") or f"error: {line['error']}"
        if not found or found[-1] != text:
            found.append(text)
    return found


def error_of(said: list[dict[str, Any]]) -> str:
    """The error that must be the last line."""
    assert list(said[-1]) == ["error"], said[-3:]
    text: str = said[-1]["error"]
    return text


def left_over(store: ModelStore) -> list[str]:
    """Names of files among the blobs that are no blobs."""
    folder = store.folder / "blobs"
    return sorted(path.name for path in folder.glob("*") if len(path.name) != 71)
