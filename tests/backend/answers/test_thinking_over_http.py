"""Thinking and tool calls from a request's JSON to the chunks, by both kinds of template."""

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from backend.engine.fake_runner import FakeRunner, Script
from backend.engine.runner import Completion, Piece
from backend.models.store import ModelStore
from tests.backend.conftest import backend_settings, client_for
from tests.backend.gguf_files import TINY, write_gguf

GO = (
    "{{ range .Messages }}{{ .Role }}: "
    "{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}{{ .Content }}\n{{ end }}"
    "{{ if .Tools }}TOOLS {{ .Tools }}{{ end }}"
    "{{ if and .IsThinkSet (not .Think) }}/no_think{{ end }}{{ .ThinkLevel }}"
)
JINJA = "<think></think><tool_call>{{ tools }}{{ messages }}"
REPLY = "<think>\nlet me see\n</think>\n\nIt is blue."
CALL = '{"name": "weather", "arguments": {"city": "Oslo", "a": [1]}}'
LEVELS = 'invalid think value: "much" (must be "high", "medium", "low", "max", true, or false)'
SCHEMA = {"type": "object"}
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "how it is outside",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
ASK = [{"role": "user", "content": "What colour is the sky?"}]


class Templated(FakeRunner):
    """Keeps what the Jinja template was given."""

    asked: ClassVar[list[Mapping[str, Any]]] = []

    async def render(self, conversation: Mapping[str, Any]) -> str:
        type(self).asked = [*self.asked, conversation]
        return await super().render(conversation)


@pytest.fixture
def thinkers(store: ModelStore, tmp_path: Path) -> ModelStore:
    """Adds `go` and `jinja`, which think and call tools by their templates."""
    for name, jinja, go in (("go", "", GO), ("jinja", JINJA, None)):
        metadata = {**TINY, "general.name": name, "llama.context_length": 512}
        metadata["tokenizer.chat_template"] = jinja
        if not jinja:
            del metadata["tokenizer.chat_template"]
        store.add(name, write_gguf(tmp_path / f"{name}.gguf", metadata), template=go)
    return store


@pytest.fixture
def script() -> Script:
    return Script(reply=REPLY)


@pytest.fixture
async def client(thinkers: ModelStore, script: Script) -> AsyncGenerator[httpx.AsyncClient, None]:
    async with client_for(backend_settings(thinkers), script, Templated) as client:
        yield client


async def chunks(client: httpx.AsyncClient, route: str, **body: Any) -> list[dict[str, Any]]:
    response = await client.post(f"/api/{route}", json=body)
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


def both(chunk: Mapping[str, Any]) -> tuple[str, str]:
    if "message" in chunk:
        return chunk["message"].get("thinking", ""), chunk["message"]["content"]
    return chunk.get("thinking", ""), chunk["response"]


BODIES: dict[str, dict[str, Any]] = {"chat": {"messages": ASK}, "generate": {"prompt": "sky?"}}


@pytest.mark.parametrize("model", ["go", "jinja"])
@pytest.mark.parametrize("route", ["chat", "generate"])
@pytest.mark.parametrize("think", [None, True, "high"])
async def test_thinking_stands_apart_and_is_on_by_itself(
    client: httpx.AsyncClient, model: str, route: str, think: Any
) -> None:
    body = {"model": model, "think": think, **BODIES[route]}
    *parts, last = await chunks(client, route, **body)
    thoughts, said = zip(*map(both, parts), strict=True)
    assert ("".join(thoughts).strip(), "".join(said)) == ("let me see", "It is blue.")
    assert both(last) == ("", "")
    (whole,) = await chunks(client, route, **body, stream=False)
    assert both(whole) == ("".join(thoughts), "It is blue.")
    assert (whole["eval_count"], whole["done_reason"]) == (last["eval_count"], "stop")


@pytest.mark.parametrize("model", ["go", "jinja"])
async def test_think_false_is_told_to_the_template_and_nothing_is_taken_out(
    client: httpx.AsyncClient, script: Script, model: str
) -> None:
    script.reply = "plainly"
    Templated.asked = []
    (whole,) = await chunks(client, "chat", model=model, messages=ASK, think=False, stream=False)
    assert whole["message"] == {"role": "assistant", "content": "plainly"}
    if model == "jinja":
        assert Templated.asked[0]["chat_template_kwargs"]["enable_thinking"] is False
    else:
        info = await chunks(
            client, "chat", model=model, messages=ASK, think=False, _debug_render_only=True
        )
        assert info[0]["_debug_info"]["rendered_template"].endswith("/no_think")


async def test_a_level_reaches_both_kinds_of_template(client: httpx.AsyncClient) -> None:
    Templated.asked = []
    await chunks(client, "chat", model="jinja", messages=ASK, think="low")
    assert Templated.asked[0]["chat_template_kwargs"]["reasoning_effort"] == "low"
    (go,) = await chunks(
        client, "chat", model="go", messages=ASK, think="low", _debug_render_only=True
    )
    assert go["_debug_info"]["rendered_template"].endswith("low")


@pytest.mark.parametrize(
    ("model", "think", "error"),
    [("plain", True, '"plain" does not support thinking'),
     ("plain", "max", '"plain" does not support thinking'),
     ("go", "much", LEVELS),
     ("plain", False, None), ("plain", None, None)],
)  # fmt: skip
@pytest.mark.parametrize("route", ["chat", "generate"])
async def test_who_may_be_asked_to_think(
    client: httpx.AsyncClient, route: str, model: str, think: Any, error: str | None
) -> None:
    body = {"model": model, "think": think, **BODIES[route]}
    response = await client.post(f"/api/{route}", json=body)
    if error is None:
        assert response.status_code == 200
        return
    assert (response.status_code, response.json()) == (400, {"error": error})


class Constrained(Templated):
    """Thinks and rambles when nothing constrains it, answers in JSON when something does."""

    async def complete(self, request: Completion) -> AsyncGenerator[Piece, None]:
        said = '{"sky": "blue"}' if request.json_schema else REPLY
        self.script.reply = said
        async for piece in super().complete(request):
            yield piece


@pytest.mark.parametrize("model", ["go", "jinja"])
@pytest.mark.parametrize("route", ["chat", "generate"])
async def test_a_format_constrains_the_answer_and_not_the_thinking(
    thinkers: ModelStore, script: Script, model: str, route: str
) -> None:
    async with client_for(backend_settings(thinkers), script, Constrained) as client:
        *parts, last = await chunks(client, route, model=model, format=SCHEMA, **BODIES[route])
    thoughts, said = zip(*map(both, parts), strict=True)
    assert ("".join(thoughts).strip(), "".join(said)) == ("let me see", '{"sky": "blue"}')
    free, constrained = script.requests
    assert (free.json_schema, constrained.json_schema) == (None, SCHEMA)
    assert constrained.prompt[: len(free.prompt) - 1] == free.prompt[:-1]
    assert len(constrained.prompt) > len(free.prompt)  # the thinking stands before the answer
    assert last["prompt_eval_count"] == len(free.prompt)
    assert last["eval_count"] > len(parts[-1])
    assert (last["done"], last["done_reason"]) == (True, "stop")


async def test_thinking_that_never_ends_is_the_whole_answer(
    client: httpx.AsyncClient, script: Script
) -> None:
    script.reply = "<think> on and on"
    (whole,) = await chunks(client, "chat", model="go", messages=ASK, format="json", stream=False)
    assert both(whole) == ("on and on", "")
    assert len(script.requests) == 1


Calls = Callable[[dict[str, Any]], list[tuple[str, dict[str, Any]]]]


def calls(chunk: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found = chunk["message"].get("tool_calls", [])
    return [(one["function"]["name"], one["function"]["arguments"]) for one in found]


@pytest.mark.parametrize(
    ("model", "reply"),
    [("go", CALL),
     ("jinja", f"<tool_call>\n{CALL}\n</tool_call>")],
)  # fmt: skip
async def test_a_tool_call_has_a_chunk_of_its_own(
    client: httpx.AsyncClient, script: Script, model: str, reply: str
) -> None:
    script.reply = f"<think>hm</think>{reply}"
    body: dict[str, Any] = {"model": model, "messages": ASK, "tools": [TOOL]}
    *parts, last = await chunks(client, "chat", **body)
    (called,) = [part for part in parts if calls(part)]
    assert calls(called) == [("weather", {"city": "Oslo", "a": [1]})]
    assert called["message"]["content"] == ""
    assert not called["done"]
    (call,) = called["message"]["tool_calls"]
    assert list(call) == ["id", "function"]
    assert call["id"].startswith("call_")
    assert call["function"]["index"] == 0
    assert (last["message"], last["done_reason"]) == (
        {"role": "assistant", "content": ""}, "stop",
    )  # fmt: skip
    (whole,) = await chunks(client, "chat", **body, stream=False)
    assert calls(whole) == calls(called)
    assert both(whole) == ("hm", "")


async def test_a_brace_that_is_no_call_stays_content(
    client: httpx.AsyncClient, script: Script
) -> None:
    script.reply = '{"name": "nobody", "arguments": {}}'
    body = {"model": "go", "messages": ASK, "tools": [TOOL], "think": False, "stream": False}
    (whole,) = await chunks(client, "chat", **body)
    assert both(whole) == ("", script.reply)
    assert calls(whole) == []


async def test_tools_go_round(client: httpx.AsyncClient) -> None:
    Templated.asked = []
    messages = [
        *ASK,
        {"role": "assistant", "content": "", "tool_calls": [
            {"function": {"name": "weather", "arguments": {"city": "Oslo"}}}]},
        {"role": "tool", "tool_name": "weather", "content": "rain"},
    ]  # fmt: skip
    await chunks(client, "chat", model="jinja", messages=messages, tools=[TOOL])
    (given,) = Templated.asked
    call = given["messages"][1]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"city": "Oslo"}
    assert given["messages"][2]["name"] == "weather"
    assert given["tools"][0]["function"]["name"] == "weather"


async def test_a_model_without_tools_says_so_by_its_whole_name(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/api/chat", json={"model": "plain", "messages": ASK, "tools": [TOOL]}
    )
    sentence = "registry.ollama.ai/library/plain:latest does not support tools"
    assert (response.status_code, response.json()) == (400, {"error": sentence})
