"""The commands against a real server on a real socket, fake runners behind it."""

import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from backend.commands.cli import main
from backend.commands.server import Server
from backend.engine.fake_runner import FakeRunner, Script
from backend.main import create_app
from backend.settings import BackendSettings

Cli = Callable[..., "Said"]
"""Call it with the words of a command, and what is piped in; it gives what came of them."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@contextmanager
def serving(settings: BackendSettings, script: Script) -> Iterator[str]:
    """The address of a server that runs in a thread, to the end of the block."""
    app = create_app(settings, lambda spec: FakeRunner(spec, script))
    config = uvicorn.Config(
        app, port=0, log_config=None, lifespan="on", timeout_graceful_shutdown=1, ws="none"
    )
    server = _Told(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.listening.wait(20)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


class _Told(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[object] | None = None) -> None:
        await super().startup(None)
        self.listening.set()


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OLLAMA_NOHISTORY", raising=False)


@pytest.fixture
def url(
    settings: BackendSettings, script: Script, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A server with the models of `store`; OLLAMA_HOST names it."""
    with serving(settings, script) as url:
        monkeypatch.setenv("OLLAMA_HOST", url)
        yield url


@pytest.fixture
def server(url: str) -> Iterator[Server]:
    with Server(url) as server:
        yield server


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs a command in this process; nothing is a terminal."""

    def run(*words: str, piped: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", _Piped(piped))
        capsys.readouterr()
        code = main(words, start_server=lambda: os.abort())
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return run


class _Piped(io.TextIOWrapper):
    def __init__(self, text: str) -> None:
        super().__init__(io.BytesIO(text.encode()), encoding="utf-8")
