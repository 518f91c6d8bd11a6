"""The objects of generate and chat, key by key; what a request may ask to see of its prompt."""

import json
import logging
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.engine.fake_runner import FakeRunner, Script
from backend.engine.runner import Completion, Piece
from backend.models import manifests
from backend.models.store import ModelStore
from backend.settings import BackendSettings
from tests.backend.conftest import backend_settings, client_for
from tests.backend.gguf_files import TINY, write_gguf

ASK = [{"role": "user", "content": "hi"}]
BODIES: dict[str, dict[str, Any]] = {"chat": {"messages": ASK}, "generate": {"prompt": "hi"}}
METRICS = [
    "total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count",
    "eval_duration",
]  # fmt: skip
FIM = {"tokenizer.ggml.fim_pre_token_id": 1, "tokenizer.ggml.fim_suf_token_id": 2,
       "tokenizer.ggml.fim_mid_token_id": 3}  # fmt: skip


async def answers(client: httpx.AsyncClient, route: str, **body: Any) -> list[dict[str, Any]]:
    response = await client.post(f"/api/{route}", json={**BODIES[route], **body})
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


def add(store: ModelStore, folder: Path, name: str, template: str | None, **more: Any) -> None:
    metadata: dict[str, Any] = {**TINY, "general.name": name, "llama.context_length": 512}
    del metadata["tokenizer.chat_template"]
    path = write_gguf(folder / f"{name}.gguf", metadata | more)
    store.add(name, path, template=template)


async def test_chat_chunks_have_their_keys_in_gos_order(client: httpx.AsyncClient) -> None:
    *parts, last = await answers(client, "chat", model="tiny", logprobs=True, top_logprobs=1)
    assert {tuple(part) for part in parts} == {
        ("model", "created_at", "message", "done", "logprobs")
    }
    assert list(last) == ["model", "created_at", "message", "done", "done_reason", *METRICS]
    (whole,) = await answers(client, "chat", model="tiny", logprobs=True, stream=False)
    assert list(whole) == [
        "model", "created_at", "message", "done", "done_reason", "logprobs", *METRICS,
    ]  # fmt: skip
    assert len(whole["logprobs"]) == whole["eval_count"] == 3
    assert "top_logprobs" not in whole["logprobs"][0]
    assert list(parts[0]["logprobs"][0]) == ["token", "logprob", "bytes", "top_logprobs"]


async def test_generate_chunks_have_their_keys_in_gos_order(client: httpx.AsyncClient) -> None:
    *parts, last = await answers(client, "generate", model="plain", logprobs=True)
    assert {tuple(part) for part in parts} == {
        ("model", "created_at", "response", "done", "logprobs")
    }
    assert list(last) == [
        "model", "created_at", "response", "done", "done_reason", "context", *METRICS,
    ]  # fmt: skip
    (whole,) = await answers(client, "generate", model="plain", logprobs=True, stream=False)
    assert list(whole) == [*last, "logprobs"]
    assert all(isinstance(whole[key], int) and whole[key] > 0 for key in METRICS)
    assert "context" not in (await answers(client, "generate", model="plain", raw=True))[-1]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_prompt_may_be_seen_without_an_answer(
    client: httpx.AsyncClient, script: Script, stream: bool
) -> None:
    for route, model, said in (
        ("chat", "tiny", {"message": {"role": "", "content": ""}}),
        ("generate", "plain", {"response": ""}),
    ):
        body = {**BODIES[route], "model": model, "stream": stream, "_debug_render_only": True}
        response = await client.post(f"/api/{route}", json=body)
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        shown = response.json()
        assert list(shown) == ["model", "created_at", *said, "done", "_debug_info"]
        assert shown["done"] is False
        assert said.items() <= shown.items()
        text = {"chat": "user: hi\nassistant:", "generate": "hi"}[route]
        assert shown["_debug_info"] == {"rendered_template": text, "image_count": 0}
    assert script.requests == []


async def test_the_system_prompt_and_the_examples_stand_where_ollama_puts_them(
    store: ModelStore, tmp_path: Path, script: Script
) -> None:
    template = "{{ range .Messages }}<{{ .Role }}>{{ .Content }}{{ end }}"
    add(store, tmp_path, "polite", template)
    made = store.add("polite", tmp_path / "polite.gguf", template=template, system="be kind")
    examples = json.dumps([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}])
    layers = [*made.layers, store.add_text("messages", examples)]
    config = store.add_config(made.config, layers)
    store.manifests.write(made.name, manifests.build(config, layers))
    asked: list[tuple[str, dict[str, Any], str]] = [
        ("chat", {}, "<system>be kind<user>a<assistant>b<user>hi"),
        ("chat", {"messages": [{"role": "SYSTEM", "content": "s"}, *ASK]},
         "<user>a<assistant>b<system>s<user>hi"),
        ("chat", {"messages": [*ASK, {"role": "user", "content": "ho"}]},
         "<system>be kind<user>a<assistant>b<user>hi\n\nho"),
        ("generate", {}, "<system>be kind<user>a<assistant>b<user>hi"),
        ("generate", {"system": "s"}, "<system>s<user>a<assistant>b<user>hi"),
        ("generate", {"template": "[{{ .System }}|{{ .Prompt }}]"}, "[be kind|a]b[|hi]"),
        ("generate", {"raw": True}, "hi"),
    ]  # fmt: skip
    async with client_for(backend_settings(store), script) as client:
        for route, body, expected in asked:
            (info,) = await answers(client, route, model="polite", _debug_render_only=True, **body)
            assert info["_debug_info"]["rendered_template"].endswith(expected), (route, body)
        context = (await answers(client, "generate", model="polite"))[-1]["context"]
        (info,) = await answers(
            client, "generate", model="polite", context=context, _debug_render_only=True
        )
    shown = info["_debug_info"]["rendered_template"]
    assert shown == (
        "<system>be kind<user>a<assistant>b<user>hione two three<system>be kind<user>hi"
    )


async def test_a_gap_is_filled_by_template_or_by_the_tokens_of_the_weights(
    store: ModelStore, tmp_path: Path, script: Script
) -> None:
    template = "{{ if .Suffix }}<P>{{ .Prompt }}<S>{{ .Suffix }}<M>{{ else }}{{ .Prompt }}{{ end }}"
    add(store, tmp_path, "coder", template)
    add(store, tmp_path, "bare", None, **FIM)

    class Words(FakeRunner):
        async def detokenize(self, tokens: Any) -> str:
            names = {1: "<pre>", 2: "<suf>", 3: "<mid>"}
            return names[tokens[0]] if len(tokens) == 1 else await super().detokenize(tokens)

    async with client_for(backend_settings(store), script, Words) as client:
        seen = {}
        for model in ("coder", "bare"):
            capabilities = (await client.post("/api/show", json={"model": model})).json()
            assert "insert" in capabilities["capabilities"]
            (info,) = await answers(
                client, "generate", model=model, prompt="def f(", suffix="return x",
                _debug_render_only=True,
            )  # fmt: skip
            seen[model] = info["_debug_info"]["rendered_template"]
        refused = await client.post(
            "/api/generate", json={"model": "plain", "prompt": "x", "suffix": "y"}
        )
    assert seen == {
        "coder": "<P>def f(<S>return x<M>",
        "bare": "<pre>def f(<suf>return x<mid>",
    }
    sentence = "registry.ollama.ai/library/plain:latest does not support insert"
    assert (refused.status_code, refused.json()) == (400, {"error": sentence})


class Breaking(FakeRunner):
    """Gives two pieces, then fails in a way that no part of the backend knows."""

    async def complete(self, request: Completion) -> AsyncGenerator[Piece, None]:
        yield Piece("one", (0,))
        yield Piece(" two", (1,))
        raise ZeroDivisionError("nobody foresaw this")


@pytest.mark.parametrize("route", ["chat", "generate"])
async def test_whatever_breaks_a_stream_its_last_line_says_so(
    settings: BackendSettings, script: Script, route: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with client_for(settings, script, Breaking) as client:
        *parts, last = await answers(client, route, model="tiny")
        whole = await client.post(
            f"/api/{route}", json={**BODIES[route], "model": "tiny", "stream": False}
        )
    assert len(parts) == 2
    sentence = "internal server error; the backend's log has the details"
    assert last == {"error": sentence}
    assert (whole.status_code, whole.json()) == (500, {"error": sentence})
    assert "nobody foresaw this" in caplog.text


@pytest.mark.parametrize(
    ("route", "model", "more", "ended"),
    [("generate", "plain", {}, True), ("generate", "plain", {"raw": True}, False),
     ("chat", "plain", {}, True), ("chat", "tiny", {}, False)],
)  # fmt: skip
async def test_a_reply_that_only_repeats_itself_is_ended(
    client: httpx.AsyncClient, script: Script, route: str, model: str, more: Any, ended: bool
) -> None:
    script.reply = " ha" * 60
    *parts, last = await answers(client, route, model=model, **more)
    if ended:
        assert last == {"error": "prediction aborted, token repeat limit reached"}
        assert len(parts) == 31
    else:
        assert (len(parts), last["done_reason"]) == (60, "stop")


async def test_an_unknown_option_is_named_in_the_log_once(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"mirostat": 1, "never_heard_of": [1], "top_k": 3}
    with caplog.at_level(logging.WARNING, "backend.answers.options"):
        for _ in range(3):
            await answers(client, "generate", model="plain", options=options)
    assert sorted(record.args for record in caplog.records) == [("mirostat",), ("never_heard_of",)]


async def test_an_empty_text_in_a_list_is_an_item(
    client: httpx.AsyncClient, store: ModelStore, script: Script
) -> None:
    for model in ("plain", "embedder"):
        body = {"model": model, "input": ["a b", "", "c"]}
        answer = (await client.post("/api/embed", json=body)).json()
        assert len(answer["embeddings"]) == 3
        assert answer["prompt_eval_count"] == 4
    for nothing in ("", [], None):
        answer = (await client.post("/api/embed", json={"model": "plain", "input": nothing})).json()
        assert answer["embeddings"] == []


async def test_counting_tokens_reloads_nothing(client: httpx.AsyncClient, script: Script) -> None:
    await answers(client, "generate", model="plain", options={"num_ctx": 32})
    for options in ({}, {"num_ctx": 64}, {"num_thread": 3}):
        body = {"model": "plain", "content": "three short words", "options": options}
        answer = (await client.post("/api/tokenize", json=body)).json()
        assert answer["count"] == 3
    assert script.loads == 1


@pytest.mark.parametrize(
    ("sent", "read"),
    [("a\\ud800b", "a\ufffdb"), ("\\uDFFF", "\ufffd"), ("\\ud83e\\udd99", "\N{LLAMA}"),
     ("\\\\ud800", "\\ud800"), ("\\u0000", "\0")],
)  # fmt: skip
async def test_half_a_character_is_replaced_as_go_does(
    client: httpx.AsyncClient, sent: str, read: str
) -> None:
    body = f'{{"model": "plain", "prompt": "{sent}", "raw": true, "_debug_render_only": true}}'
    response = await client.post("/api/generate", content=body)
    assert response.json()["_debug_info"]["rendered_template"] == read
