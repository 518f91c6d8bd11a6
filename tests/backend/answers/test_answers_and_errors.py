"""Where an error goes: a status before the first word, a last line after it, nothing for nobody."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.engine.fake_runner import FakeRunner, Script
from backend.engine.runner import Completion, Piece
from backend.errors import RunnerRejected
from backend.main import create_app
from backend.models.store import ModelStore
from backend.settings import BackendSettings
from backend.web import wire
from tests.backend.conftest import client_for
from tests.backend.gguf_files import TINY, write_gguf

JSON = "application/json; charset=utf-8"
ASKED: dict[str, dict[str, Any]] = {
    "generate": {"model": "plain", "prompt": "x"},
    "chat": {"model": "tiny", "messages": [{"role": "user", "content": "x"}]},
}


class Refusing(FakeRunner):
    """An engine that says no at the first word, as llama.cpp does to a bad grammar."""

    async def complete(self, request: Completion) -> AsyncGenerator[Piece, None]:
        if request.max_tokens:
            raise RunnerRejected("the engine says no")
        yield Piece()


class Faltering(FakeRunner):
    """An engine that gives one word and then an error event."""

    async def complete(self, request: Completion) -> AsyncGenerator[Piece, None]:
        yield Piece("one ", (1,))
        raise RunnerRejected("the engine lost its way")


class Surprising(FakeRunner):
    """A fault that nobody foresaw."""

    async def tokenize(self, text: str, *, special: bool) -> list[int]:
        raise ZeroDivisionError("secret detail")


@pytest.mark.parametrize("route", ASKED)
@pytest.mark.parametrize("stream", [True, False, None])
async def test_a_refusal_before_the_first_word_is_an_ordinary_error(
    settings: BackendSettings, script: Script, route: str, stream: bool | None
) -> None:
    async with client_for(settings, script, Refusing) as client:
        response = await client.post(f"/api/{route}", json={**ASKED[route], "stream": stream})
    assert (response.status_code, response.json()) == (400, {"error": "the engine says no"})
    assert response.headers["content-type"] == JSON


@pytest.mark.parametrize("route", ASKED)
async def test_an_error_after_the_first_word_is_the_last_line(
    settings: BackendSettings, script: Script, route: str
) -> None:
    async with client_for(settings, script, Faltering) as client:
        streamed = await client.post(f"/api/{route}", json=ASKED[route])
        whole = await client.post(f"/api/{route}", json={**ASKED[route], "stream": False})
    assert (streamed.status_code, streamed.headers["content-type"]) == (200, "application/x-ndjson")
    assert streamed.text.endswith("\n")
    first, last = map(json.loads, streamed.text.splitlines())
    assert first["done"] is False
    assert last == {"error": "the engine lost its way"}
    assert (whole.status_code, whole.json()) == (400, {"error": "the engine lost its way"})


async def test_a_fault_nobody_foresaw_tells_the_log_and_not_the_client(
    settings: BackendSettings, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    async with client_for(settings, script, Surprising) as client:
        response = await client.post("/api/generate", json=ASKED["generate"])
        assert (await client.get("/")).status_code == 200
    assert response.status_code == 500
    assert "internal server error" in response.json()["error"]
    assert "secret" not in response.text
    assert "nobody foresaw" in caplog.text


@pytest.mark.parametrize("route", ASKED)
async def test_a_stream_is_one_compact_object_a_line(
    client: httpx.AsyncClient, script: Script, route: str
) -> None:
    script.reply = "多语言 <b> & \u2028 end"
    response = await client.post(f"/api/{route}", json=ASKED[route])
    lines = response.content.decode().removesuffix("\n").split("\n")
    values = [json.loads(line) for line in lines]
    assert [value["done"] for value in values] == [False] * (len(values) - 1) + [True]
    for line, value in zip(lines, values, strict=True):
        assert line == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    told = [value.get("response", value.get("message", {}).get("content")) for value in values]
    assert "".join(told) == script.reply


@pytest.mark.parametrize("route", ASKED)
async def test_logprobs_of_all_chunks_are_those_of_the_whole(
    client: httpx.AsyncClient, route: str
) -> None:
    body = {**ASKED[route], "logprobs": True}
    chunks = (await client.post(f"/api/{route}", json=body)).text.splitlines()
    whole = (await client.post(f"/api/{route}", json={**body, "stream": False})).json()
    apart = [one for chunk in chunks for one in json.loads(chunk).get("logprobs", [])]
    assert apart == whole["logprobs"]
    assert len(apart) == whole["eval_count"] == 3
    assert all("top_logprobs" not in one and one["logprob"] <= 0 for one in apart)
    assert bytes(apart[0]["bytes"]).decode() == apart[0]["token"]


@pytest.mark.parametrize(
    ("route", "body", "status", "error"),
    [
        # what the request itself says is looked at before whether the model exists
        ("generate", {"model": "absent", "top_logprobs": -1}, 400,
         "top_logprobs must be between 0 and 20"),
        ("chat", {"model": "absent", "top_logprobs": 21}, 400,
         "top_logprobs must be between 0 and 20"),
        ("generate", {"model": "absent", "raw": True, "template": "t"}, 400,
         "raw mode does not support template, system, or context"),
        ("generate", {"model": "tiny", "raw": True, "context": [1]}, 400,
         "raw mode does not support template, system, or context"),
        ("embed", {"model": "absent", "input": {"a": 1}}, 400, "invalid input type"),
        ("embed", {"model": "tiny", "input": ["a", None]}, 400, "invalid input type"),
        ("embed", {"model": "tiny", "input": 7}, 400, "invalid input type"),
        ("embeddings", {"model": "a//b"}, 400, "invalid model name"),
        ("tokenize", {"model": "a b"}, 400, "invalid model name"),
        ("tokenize", {"model": "absent"}, 404, "model 'absent' not found"),
        ("show", {"model": "../../etc/passwd"}, 400, "invalid model name"),
        ("show", {"name": "User/Absent:7b"}, 404, "model 'User/Absent:7b' not found"),
        ("generate", {"model": "tiny", "think": "high"}, 400, '"tiny" does not support thinking'),
        ("generate", {"model": "tiny", "prompt": "x", "images": ["AA=="]}, 400,
         '"tiny" does not support image input'),
        ("generate", {"model": "tiny", "prompt": "x", "template": "{{ range .A }}"}, 500,
         "template error: template:1:15: unexpected EOF"),
        ("generate", {"model": "tiny", "format": "xml"}, 400,
         'invalid format: "xml"; expected "json" or a valid JSON Schema object'),
    ],
)  # fmt: skip
async def test_more_errors_are_ollamas(
    client: httpx.AsyncClient, route: str, body: dict[str, Any], status: int, error: str
) -> None:
    response = await client.post(f"/api/{route}", json=body)
    assert (response.status_code, response.json()) == (status, {"error": error})


@pytest.mark.parametrize(
    "body",
    [{"format": None}, {"format": ""}, {"think": False}, {"think": None}, {"options": None},
     {"tools": None}, {"logprobs": None}, {"remote": 1}],
)  # fmt: skip
async def test_what_means_nothing_changes_nothing(
    client: httpx.AsyncClient, script: Script, body: dict[str, Any]
) -> None:
    response = await client.post("/api/chat", json={**ASKED["chat"], **body, "stream": False})
    assert response.json()["message"]["content"] == "one two three"
    assert script.requests[0].json_schema is None


async def test_format_json_asks_for_an_object(client: httpx.AsyncClient, script: Script) -> None:
    await client.post("/api/generate", json={**ASKED["generate"], "format": "json"})
    assert script.requests[0].json_schema == {"type": "object"}


async def test_the_keys_of_a_message_may_be_in_any_case(
    settings: BackendSettings,
) -> None:
    script = Script()  # answers with the prompt itself
    message = {"Role": "USER", "CONTENT": "hi", "thinking": None, "images": None, "new": 1}
    body = {"model": "tiny", "Messages": [message, {"role": None, "content": None}]}
    async with client_for(settings, script) as client:
        answer = (await client.post("/api/chat", json={**body, "stream": False})).json()
    assert answer["message"]["content"].startswith("user: hi\n")


async def test_tools_reach_a_template_that_knows_them(
    settings: BackendSettings, store: ModelStore, tmp_path: Path
) -> None:
    metadata = {**TINY, "tokenizer.chat_template": "{{ tools }}{{ messages }}"}
    store.add("handy", write_gguf(tmp_path / "handy.gguf", metadata))
    tool = {"type": "function", "function": {"name": "look_up"}}
    body = {**ASKED["chat"], "model": "handy", "tools": [tool], "stream": False}
    async with client_for(settings, Script()) as client:
        answer = (await client.post("/api/chat", json=body)).json()
    assert "look_up" in answer["message"]["content"]


async def test_a_model_that_does_not_load_says_why(
    client: httpx.AsyncClient, script: Script
) -> None:
    script.load_error = "bad magic"
    response = await client.post("/api/generate", json={"model": "tiny", "prompt": "x"})
    assert response.status_code == 500
    assert "bad magic" in response.json()["error"]
    script.load_error = None
    assert (await client.post("/api/generate", json={"model": "tiny"})).status_code == 200


@pytest.mark.parametrize("route", ["generate", "chat"])
@pytest.mark.parametrize(
    ("think", "told"), [(True, True), ("low", True), (False, False), (None, True)]
)
async def test_thinking_is_asked_of_the_template(
    settings: BackendSettings, store: ModelStore, tmp_path: Path, route: str, think: Any, told: Any
) -> None:
    seen: list[Any] = []

    class Watching(FakeRunner):
        async def render(self, conversation: Mapping[str, Any]) -> str:
            seen.append(conversation.get("chat_template_kwargs", {}).get("enable_thinking"))
            return await super().render(conversation)

    metadata = {**TINY, "tokenizer.chat_template": "<think></think>"}
    store.add("thinker", write_gguf(tmp_path / "thinker.gguf", metadata))
    body = {**ASKED[route], "model": "thinker", "think": think}
    async with client_for(settings, Script(reply="one"), Watching) as client:
        assert (await client.post(f"/api/{route}", json=body)).status_code == 200
    assert seen == [told]


async def test_a_body_beyond_the_bound_is_refused_before_it_is_whole(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MAX_BODY", 1 << 20)
    taken: list[int] = []

    async def parts() -> AsyncGenerator[bytes, None]:
        for number in range(100):
            taken.append(number)
            yield bytes(1 << 18)

    response = await client.post("/api/generate", content=parts())
    assert response.json() == {"error": "the request body is larger than 1 MB"}
    assert response.status_code == 400
    assert len(taken) < 10


async def test_a_vector_of_no_numbers_is_refused(settings: BackendSettings, script: Script) -> None:
    class Broken(FakeRunner):
        async def embed(self, inputs: Any) -> list[list[float]]:
            return [[1.0, float("nan")] for _ in inputs]

    async with client_for(settings, script, Broken) as client:
        for route, body in (("embed", {"input": "x"}), ("embeddings", {"prompt": "x"})):
            response = await client.post(f"/api/{route}", json={"model": "embedder", **body})
            assert response.status_code == 400
            assert "finite" in response.json()["error"]


async def test_a_client_that_leaves_within_its_own_body_is_a_499_and_no_fault(
    settings: BackendSettings, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(settings, lambda spec: FakeRunner(spec, Script()))
    news: list[dict[str, Any]] = [
        {"type": "http.request", "body": b'{"mo', "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return news.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
             "path": "/api/generate", "raw_path": b"/api/generate", "query_string": b"",
             "root_path": "", "scheme": "http", "headers": [(b"host", b"localhost")],
             "client": None, "server": None}  # fmt: skip
    async with asyncio.timeout(5):
        await app(scope, receive, send)
    assert sent[0]["status"] == 499
    assert caplog.text == ""
