"""Real children that are killed, stopped in their tracks, starved, or given a hostile model.

Whatever becomes of one: its requests end in an error, the next one is answered by a fresh child,
and the server is there all the time.
"""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from backend.engine import llama_runner
from backend.engine.llama_runner import LlamaRunner
from backend.engine.pool import Limits, Pool
from backend.engine.runner import RunnerSpec
from backend.main import create_app
from backend.models import gguf
from backend.models.gguf_write import Planned, head, kept_entries
from backend.models.library import Library
from backend.models.names import ModelName
from backend.models.store import ModelStore
from backend.settings import BackendSettings
from tests.backend.test_live import until
from tests.fixtures.models import CHATTER

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="signals and limits of Linux"),
]
SHORT: dict[str, Any] = {
    "raw": True,
    "stream": False,
    "options": {"num_predict": 2, "num_ctx": 512},
}
LONG: dict[str, Any] = {
    "raw": True,
    "stream": False,
    "options": {"num_predict": 2000, "num_ctx": 512},
}


class Started:
    """The application in this process over real children, and each child that it had."""

    def __init__(self, models: Path, **limits: float) -> None:
        self.runners: list[LlamaRunner] = []
        settings = BackendSettings(models=models, host="127.0.0.1:0")
        self.app = create_app(settings, self._make)
        backend = self.app.state.backend
        pool: Pool[Any] = Pool(self._make, Limits(**limits))  # type: ignore[arg-type]
        self.backend = replace(backend, pool=pool)
        self.app.state.backend = self.backend
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://localhost")

    def _make(self, spec: RunnerSpec) -> LlamaRunner:
        self.runners.append(LlamaRunner(spec))
        return self.runners[-1]

    async def ask(self, model: str = CHATTER, **body: Any) -> httpx.Response:
        asked = {"model": model, "prompt": "Once upon a time", **SHORT, **body}
        async with asyncio.timeout(60):
            return await self.client.post("/api/generate", json=asked)

    async def is_answered(self, model: str = CHATTER) -> None:
        """A request gets its answer; the last child is another one than before."""
        before = list(self.runners)
        response = await self.ask(model)
        assert response.status_code == 200, response.text
        assert self.runners != before

    def send(self, sent: signal.Signals) -> None:
        pid = self.runners[-1].pid
        assert pid is not None
        os.kill(pid, sent)


@asynccontextmanager
async def started(models: Path, **limits: float) -> AsyncIterator[Started]:
    one = Started(models, **limits)
    try:
        yield one
    finally:
        await one.client.aclose()
        await one.backend.pool.close()
    assert not any(map(lives, one.runners))


def lives(runner: LlamaRunner) -> bool:
    return runner.pid is not None and psutil.pid_exists(runner.pid)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM])
async def test_a_child_that_a_signal_ends_is_an_error_and_then_a_fresh_child(
    ollama_models: Path, sent: signal.Signals
) -> None:
    async with started(ollama_models) as server:
        await server.is_answered()
        asking = asyncio.create_task(server.ask(**LONG))
        await asyncio.sleep(0.3)
        server.send(sent)
        response = await asking
        assert response.status_code == 500
        assert "unexpectedly stopped" in response.json()["error"]
        await server.is_answered()


async def test_a_child_that_is_stopped_under_the_only_request_is_found_and_replaced(
    ollama_models: Path,
) -> None:
    async with started(ollama_models, watch_every=0.1, ping_timeout=1.0) as server:
        await server.is_answered()
        asking = asyncio.create_task(server.ask(**LONG))
        await asyncio.sleep(0.3)
        server.send(signal.SIGSTOP)
        response = await asking  # nobody else asks, and the child says nothing
        assert response.status_code == 500
        assert "unexpectedly stopped" in response.json()["error"]
        await server.is_answered()


async def test_a_child_that_was_stopped_while_idle_is_found_by_the_next_request(
    ollama_models: Path,
) -> None:
    async with started(ollama_models, ping_every=0.0, ping_timeout=1.0) as server:
        await server.is_answered()
        server.send(signal.SIGSTOP)
        await server.is_answered()


async def test_a_child_that_is_stopped_while_it_loads_is_given_up(ollama_models: Path) -> None:
    async with started(ollama_models, load_timeout=1.0) as server:
        asking = asyncio.create_task(server.ask())
        await until(lambda: bool(server.runners) and server.runners[0].pid is not None)
        server.send(signal.SIGSTOP)
        response = await asking
        assert response.status_code == 500
        assert "timed out" in response.json()["error"]
    async with started(ollama_models) as server:
        await server.is_answered()


async def test_a_child_that_runs_out_of_memory_fails_alone(ollama_models: Path) -> None:
    async with started(ollama_models) as server:
        await server.is_answered()
        pid = server.runners[-1].pid
        assert pid is not None
        used = psutil.Process(pid).memory_info().vms
        resource.prlimit(pid, resource.RLIMIT_AS, (used, used))
        # generating needs no memory that was not set aside; a body of 40 MB does
        words = "many words " * 4_000_000
        response = await server.client.post(
            "/api/tokenize", json={"model": CHATTER, "content": words, "options": {"num_ctx": 512}}
        )
        assert response.status_code in (400, 500)
        assert "error" in response.json()
        assert (await server.ask()).status_code == 200


def with_template(source: Path, target: Path, template: str) -> Path:
    """A copy of a model whose Jinja template is another one."""
    header = gguf.read(source)
    entries = kept_entries(header, source, without=["tokenizer.chat_template"])
    raw = template.encode()
    key = b"tokenizer.chat_template"
    entries.append(
        len(key).to_bytes(8, "little") + key + (8).to_bytes(4, "little")
        + len(raw).to_bytes(8, "little") + raw
    )  # fmt: skip
    planned = [Planned(one.name, one.shape, one.type) for one in header.tensors]
    with source.open("rb") as file, target.open("wb") as out:
        out.write(head(entries, planned, header.alignment))
        for tensor in header.tensors:
            file.seek(header.data_start + tensor.offset)
            out.write(file.read(tensor.size) + bytes(-tensor.size % header.alignment))
    return target


BOMB = (
    "{% if messages[0].content == 'boom' %}{% for i in range(99999) %}{% for j in range(99999) %}\
{% set x = i %}{% endfor %}{% endfor %}{% endif %}{{ messages[0].content }}"
)


async def test_a_jinja_template_that_does_not_end_ends_its_child(
    ollama_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama_runner, "RENDER_SECONDS", 1.0)
    bundled = Library(ModelStore(ollama_models)).open(CHATTER).content.weights
    store = ModelStore(tmp_path / "models")
    store.add("bomb", with_template(bundled, tmp_path / "bomb.gguf", BOMB))
    assert store.get(ModelName.parse("bomb"))

    async def chat(server: Started, text: str) -> httpx.Response:
        messages = [{"role": "user", "content": text}]
        body = {"model": "bomb", "messages": messages, "stream": False, "options": SHORT["options"]}
        return await server.client.post("/api/chat", json=body)

    async with started(store.folder) as server:
        assert (await chat(server, "hello")).status_code == 200
        response = await chat(server, "boom")
        assert response.status_code == 500
        assert "template did not end in 1 s" in response.json()["error"]
        leaver = asyncio.create_task(chat(server, "boom"))  # who leaves does not stop it: we do
        await until(lambda: len(server.runners) > 1 and bool(server.runners[1]._renders))
        leaver.cancel()
        assert (await chat(server, "hello again")).status_code == 200
        await until(lambda: not lives(server.runners[1]))
        assert (await chat(server, "and again")).status_code == 200


async def test_numbers_beyond_all_reason_are_an_answer_or_an_error(ollama_models: Path) -> None:
    async with started(ollama_models) as server:
        for options in (
            {"num_thread": 1 << 40}, {"num_gpu": 1 << 40}, {"num_batch": 1 << 40},
            {"num_ctx": 1 << 40}, {"num_keep": 1 << 60}, {"seed": 1 << 60}, {"top_k": 1 << 60},
            {"repeat_last_n": 1 << 60}, {"temperature": 1e300}, {"num_predict": -(1 << 60)},
            {"main_gpu": 1 << 40}, {"stop": ["\0", "x" * 100_000]},
        ):  # fmt: skip
            asked = {**SHORT["options"], "num_predict": 2, **options}
            if options == {"num_predict": -(1 << 60)}:
                asked["stop"] = ["a", "e", " "]
            response = await server.ask(options=asked)
            assert response.status_code in (200, 500), options
            assert "internal" not in response.text, options
        assert (await server.ask()).status_code == 200
