"""`options` from a request's JSON to the runner: types, defaults, precedence, reloads."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.answers.options import (
    DEFAULT_BATCH,
    MIN_BATCH,
    WHOLE_BATCH,
    SamplingOptions,
    effective_batch,
    effective_context,
)
from backend.engine.fake_runner import FakeRunner, Script
from backend.models.store import ModelStore
from backend.settings import BackendSettings
from tests.backend.conftest import backend_settings, client_for
from tests.backend.gguf_files import TINY, write_gguf

RAW: dict[str, Any] = {"model": "plain", "prompt": "x", "raw": True, "stream": False}

# Written out from the contract, not from the code: a default changed by accident shows here.
DEFAULTS: dict[str, Any] = {
    "num_keep": 4, "seed": -1, "num_predict": -1, "top_k": 40, "top_p": 0.9, "min_p": 0.0,
    "typical_p": 1.0, "repeat_last_n": 64, "temperature": 0.8, "repeat_penalty": 1.0,
    "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": (),
}  # fmt: skip


async def sampled(
    client: httpx.AsyncClient, script: Script, options: dict[str, Any]
) -> SamplingOptions:
    response = await client.post("/api/generate", json={**RAW, "options": options})
    assert response.status_code == 200, response.text
    return script.requests[-1].sampling


async def test_the_defaults_are_ollamas(client: httpx.AsyncClient, script: Script) -> None:
    read = await sampled(client, script, {})
    assert {name: getattr(read, name) for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize(
    ("name", "sent", "read"),
    [("top_k", 3.7, 3), ("seed", -1.9, -1), ("num_predict", 2.0, 2), ("temperature", 0, 0.0),
     ("temperature", 2, 2.0), ("top_p", 1, 1.0), ("min_p", 0.05, 0.05), ("repeat_last_n", -1, 64),
     ("stop", [], ()), ("stop", ["a", "b"], ("a", "b")), ("num_keep", None, 4)],
)  # fmt: skip
async def test_numbers_are_read_as_go_reads_them(
    client: httpx.AsyncClient, script: Script, name: str, sent: Any, read: Any
) -> None:
    value = getattr(await sampled(client, script, {name: sent}), name)
    assert (value, type(value)) == (read, type(read))


@pytest.mark.parametrize(
    ("option", "wrong", "kind"),
    [("num_ctx", "4096", "integer"), ("num_predict", True, "integer"), ("top_k", [1], "integer"),
     ("temperature", "hot", "float32"), ("top_p", {}, "float32"), ("use_mmap", "yes", "boolean"),
     ("use_mmap", 0, "boolean"), ("stop", "end", "array"), ("seed", 1e300, "integer")],
)  # fmt: skip
@pytest.mark.parametrize("route", ["generate", "chat", "embed", "tokenize"])
async def test_a_wrong_type_is_a_500_that_names_it_before_anything_loads(
    client: httpx.AsyncClient, script: Script, route: str, option: str, wrong: Any, kind: str
) -> None:
    body = {"model": "plain", "options": {option: wrong}}
    response = await client.post(f"/api/{route}", json=body)
    sentence = f'option "{option}" must be of type {kind}'
    assert (response.status_code, response.json()) == (500, {"error": sentence})
    assert script.loads == 0


async def test_options_must_be_an_object(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/generate", json={**RAW, "options": ["top_k"]})
    assert response.status_code == 400
    assert "options" in response.json()["error"]


@pytest.fixture
def tuned(store: ModelStore, tmp_path: Path) -> BackendSettings:
    """The settings of a store that also has `tuned`, a model with parameters of its own."""
    path = write_gguf(tmp_path / "tuned.gguf", {**TINY, "general.name": "tuned"})
    params = {"top_k": 7, "temperature": 0.1, "stop": ["<end>"], "num_ctx": 32, "unknown": 1}
    store.add("tuned", path, template="{{ .Prompt }}", params=params)
    return backend_settings(store)


async def test_the_request_wins_over_the_model_and_replaces_its_stop_list(
    tuned: BackendSettings, script: Script
) -> None:
    body = {"model": "tuned", "prompt": "x", "stream": False}
    async with client_for(tuned, script) as client:
        await client.post("/api/generate", json=body)
        options = {"temperature": 0.5, "stop": ["two"], "top_k": None}
        answer = await client.post("/api/generate", json={**body, "options": options})
        (shown,) = (await client.get("/api/ps")).json()["models"]
    first, second = (request.sampling for request in script.requests)
    assert (first.top_k, first.temperature, first.stop) == (7, 0.1, ("<end>",))
    assert (second.top_k, second.temperature, second.stop) == (7, 0.5, ("two",))
    assert answer.json()["response"] == "one "
    assert shown["context_length"] == 32


async def test_no_reply_is_longer_than_ten_contexts(
    client: httpx.AsyncClient, script: Script
) -> None:
    for asked, allowed in ((-1, 640), (-2, 640), (10**9, 640), (5, 5), (0, 640)):
        await sampled(client, script, {"num_predict": asked})
        assert script.requests[-1].max_tokens == allowed


async def test_only_load_options_that_really_differ_reload(
    client: httpx.AsyncClient, script: Script
) -> None:
    same: list[dict[str, Any]] = [
        {}, {"num_ctx": 64}, {"num_ctx": 999_999}, {"temperature": 0, "seed": 5, "num_keep": 9},
        {"num_gpu": -1}, {"num_thread": 0}, {"num_batch": 0}, {"unheard_of": 1},
    ]  # fmt: skip
    for options in same:
        await sampled(client, script, options)
    assert script.loads == 1
    changes: list[dict[str, Any]] = [
        {"num_ctx": 32}, {"num_batch": 16}, {"num_gpu": 0}, {"main_gpu": 1}, {"use_mmap": False},
        {"num_thread": 7},
    ]  # fmt: skip
    for options in changes:
        await sampled(client, script, options)
    assert (script.loads, script.stops) == (1 + len(changes), len(changes))


def test_a_context_of_nonsense_in_the_file_does_not_count() -> None:
    assert effective_context(0, 4096, -5) == 4096
    assert effective_context(0, 4096, 0) == 4096
    assert effective_context(10**12, 4096, None) == 1 << 24


def test_a_batch_is_never_longer_than_the_context() -> None:
    assert effective_batch(0, 4096, whole_input=False) == DEFAULT_BATCH
    assert effective_batch(0, 8192, whole_input=True) == WHOLE_BATCH
    assert effective_batch(0, 100, whole_input=True) == 100
    assert effective_batch(512, 100, whole_input=False) == 100
    assert effective_batch(-3, 4096, whole_input=False) == DEFAULT_BATCH
    assert effective_batch(1, 4096, whole_input=False) == MIN_BATCH


async def test_an_input_is_cut_to_the_batch_it_must_fit(
    store: ModelStore, tmp_path: Path, script: Script
) -> None:
    """llama.cpp pools within one batch: it refuses what the context alone would hold."""
    wide = {**TINY, "llama.context_length": 8192, "llama.pooling_type": 1}
    store.add("wide", write_gguf(tmp_path / "wide.gguf", wide))
    seen: list[int] = []

    class Counting(FakeRunner):
        async def embed(self, inputs: Any) -> list[list[float]]:
            seen.extend(map(len, inputs))
            return await super().embed(inputs)

    body: dict[str, Any] = {"model": "wide", "input": "w " * (WHOLE_BATCH + 9)}
    async with client_for(backend_settings(store), script, Counting) as client:
        cut = await client.post("/api/embed", json=body)
        whole = await client.post("/api/embed", json=body | {"truncate": False})
        small = await client.post("/api/embed", json=body | {"options": {"num_batch": 5}})
    assert seen == [WHOLE_BATCH, 5]
    assert cut.json()["prompt_eval_count"] == WHOLE_BATCH
    assert small.json()["prompt_eval_count"] == 5
    assert (whole.status_code, whole.json()["error"]) == (
        400, "the input length exceeds the context length",
    )  # fmt: skip
