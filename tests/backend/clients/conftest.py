"""The backend on a real socket, in a thread of its own, for clients that block and clients that
do not; and models that think, call tools, and embed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_server
from typing import Any

import ollama
import openai
import pytest
import uvicorn
from fastapi import FastAPI

from backend.engine.fake_runner import FakeRunner, Script
from backend.main import create_app
from backend.models.store import ModelStore
from backend.settings import BackendSettings
from tests.backend.conftest import backend_settings
from tests.backend.gguf_files import TINY, write_gguf

THINKER = (
    "{{ range .Messages }}<|{{ .Role }}|>"
    "{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}{{ .Content }}"
    "{{ if .ToolCalls }}<tool_call>{{ range .ToolCalls }}"
    '{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}'
    "{{ end }}</tool_call>{{ end }}\n{{ end }}"
    "{{ if .Tools }}{{ .Tools }}{{ end }}<|assistant|>"
)


@dataclass(frozen=True, slots=True)
class Live:
    """A running server: where it is, what its fake runners do, and what it stores."""

    url: str
    script: Script
    store: ModelStore


@pytest.fixture
def thinking_store(store: ModelStore, tmp_path: Path) -> ModelStore:
    """The store of the other tests, and `thinker`: a Go template that thinks and calls tools."""
    long = {**TINY, "llama.context_length": 4096}
    store.add("thinker", write_gguf(tmp_path / "thinker.gguf", long), template=THINKER)
    return store


@pytest.fixture
def live(thinking_store: ModelStore, script: Script) -> Iterator[Live]:
    with serving(backend_settings(thinking_store), script) as url:
        yield Live(url, script, thinking_store)


@contextmanager
def serving(settings: BackendSettings, script: Script) -> Iterator[str]:
    """The address of the backend over fake runners, which have all stopped at the end."""
    with serving_app(create_app(settings, lambda spec: FakeRunner(spec, script))) as url:
        yield url
    assert script.stops == script.loads


@contextmanager
def serving_app(app: FastAPI) -> Iterator[str]:
    """The address of an application on a real socket, in a thread of its own."""
    listener = create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OLLAMA_API_KEY", "OLLAMA_HOST", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def client(live: Live) -> Iterator[ollama.Client]:
    with ollama.Client(live.url) as client:
        yield client


@pytest.fixture
def openai_client(live: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key="x", max_retries=0) as client:
        yield client


def user(text: str) -> list[dict[str, Any]]:
    """A conversation of one message."""
    return [{"role": "user", "content": text}]
