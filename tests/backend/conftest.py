"""A store of tiny models, and the application over fake runners."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from backend.engine.fake_runner import FakeRunner, Script
from backend.main import create_app
from backend.models.store import ModelStore
from backend.settings import BackendSettings
from tests.backend.gguf_files import TINY, write_gguf

# No clock on property tests: the machine may be busy.
hypothesis_settings.register_profile(
    "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("busy")


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """Three models: `tiny` (Jinja), `plain` (no template), `embedder` (names a pooling)."""
    store = ModelStore(tmp_path / "models")
    store.add("tiny", write_gguf(tmp_path / "tiny.gguf"))
    bare = {key: value for key, value in TINY.items() if key != "tokenizer.chat_template"}
    store.add("plain", write_gguf(tmp_path / "plain.gguf", bare))
    store.add("embedder", write_gguf(tmp_path / "embedder.gguf", {**bare, "llama.pooling_type": 1}))
    return store


@pytest.fixture
def script() -> Script:
    return Script(reply="one two three")


@pytest.fixture
def settings(store: ModelStore) -> BackendSettings:
    return backend_settings(store)


def backend_settings(store: ModelStore, **values: Any) -> BackendSettings:
    """Settings for a store, free of the environment's own."""
    return BackendSettings(models=store.folder, host="127.0.0.1:0", **values)


@pytest.fixture
async def client(settings: BackendSettings, script: Script) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to the application in this process, fake runners behind it."""
    async with client_for(settings, script) as client:
        yield client


def client_for(
    settings: BackendSettings, script: Script, runner: type[FakeRunner] = FakeRunner
) -> "AppClient":
    return AppClient(settings, script, runner)


class AppClient:
    """The application with its lifespan, as a context manager around an HTTP client."""

    def __init__(self, settings: BackendSettings, script: Script, runner: type[FakeRunner]) -> None:
        self.app = create_app(settings, lambda spec: runner(spec, script))

    async def __aenter__(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://localhost")
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
        await self.app.state.backend.pool.close()
