"""The whole backend on a real socket, fake runners behind it; and a registry that does as told."""

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from backend.answers.generation import Backend
from backend.engine.fake_runner import FakeRunner, Script
from backend.main import create_app
from backend.models.store import ModelStore
from backend.settings import BackendSettings
from backend.web.request_head import BoundedHead
from tests.backend.conftest import backend_settings
from tests.backend.registry.conftest import SMALL
from tests.backend.registry.server import Registry, serve

SECRET = b"nobody may see or touch this"


@dataclass(frozen=True, slots=True)
class Server:
    """A running backend: its port, a client for it, and what its runners were asked."""

    port: int
    client: httpx.AsyncClient
    backend: Backend
    script: Script

    async def post(self, path: str, /, **body: Any) -> httpx.Response:
        return await self.client.post(path, json={k.rstrip("_"): v for k, v in body.items()})

    async def refused(self, path: str, /, **body: Any) -> tuple[int, str]:
        """Status and sentence of a request that must fail as an error of Ollama's form."""
        response = await self.post(path, **body)
        answer = response.json()
        assert list(answer) == ["error"], answer
        return response.status_code, answer["error"]

    async def lines(self, path: str, /, **body: Any) -> list[dict[str, Any]]:
        response = await self.post(path, **body)
        assert response.status_code == 200, response.text
        return [json.loads(line) for line in response.text.splitlines()]

    async def uploaded(self, raw: bytes) -> str:
        """The digest of a blob that is there now."""
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        response = await self.client.post(f"/api/blobs/{digest}", content=raw)
        assert response.status_code in (200, 201), response.text
        return digest

    async def raw(self, request: bytes) -> bytes:
        """What the socket answers to these bytes, up to its end or half a second of silence."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        await writer.drain()
        answer = b""
        try:
            while part := await asyncio.wait_for(reader.read(65536), 0.5 if answer else 5):
                answer += part
        except (TimeoutError, ConnectionError):
            pass
        writer.close()
        return answer

    async def lives(self) -> bool:
        return (await self.client.get("/")).text == "Ollama is running"


@asynccontextmanager
async def running(settings: BackendSettings, script: Script) -> AsyncIterator[Server]:
    """A server as `python -m backend` runs it, in this process; stopped at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(settings, lambda spec: FakeRunner(spec, script))
    app.state.backend.transfers.limits = SMALL
    config = uvicorn.Config(
        app, http=BoundedHead, log_config=None, lifespan="on", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.002)
    port = listener.getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        yield Server(port, client, app.state.backend, script)
    server.should_exit = True
    await serving
    assert script.running == 0
    assert script.stops == script.loads


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def settings(store: ModelStore, tmp_path: Path) -> BackendSettings:
    return backend_settings(store, bundled_models=tmp_path / "bundled")


@pytest.fixture
async def server(settings: BackendSettings, script: Script) -> AsyncIterator[Server]:
    async with running(settings, script) as server:
        yield server


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serve() as registry:
        yield registry


@pytest.fixture
def secret(tmp_path: Path) -> Iterator[Path]:
    """A file beside the models' folder, which must be as it was in the end."""
    path = tmp_path / "secret"
    path.write_bytes(SECRET)
    yield path
    assert path.read_bytes() == SECRET


@pytest.fixture
def whole_folder(tmp_path: Path, store: ModelStore, secret: Path) -> Iterator[None]:
    """Nothing new may lie outside of the models' folder in the end."""

    def outside() -> set[Path]:
        return {path for path in tmp_path.rglob("*") if tmp_path / "models" not in path.parents}

    before = outside()
    yield
    assert {path for path in outside() - before if "home" not in path.parts} <= {
        tmp_path / "id_ed25519", tmp_path / "id_ed25519.pub"
    }  # fmt: skip
