"""What OpenAI clients send besides the plain case, and the exact frames they get back."""

import json
from typing import Any

import httpx
import pytest

from app.answering.errors import BackendFailed
from app.answering.fake_chat import Broken, FakeChat
from app.wiring import Services
from tests.app.library import upload
from tests.app.test_query import HANDBOOK, LEAVE

MODEL = "gemma3-base:270m"
CHAT = "/v1/chat/completions"


@pytest.fixture
async def handbook(api: httpx.AsyncClient, services: Services, fake_chat: FakeChat) -> str:
    fake_chat.default = "25 days"
    return await upload(api, services, "handbook.txt", HANDBOOK)


async def chat(api: httpx.AsyncClient, content: object = LEAVE, **fields: object) -> httpx.Response:
    body = {"model": "default", "messages": [{"role": "user", "content": content}], **fields}
    return await api.post(CHAT, json=body)


def frames(body: str) -> list[str]:
    assert body.endswith("\n\n")
    blocks = body.removesuffix("\n\n").split("\n\n")
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    return [block.removeprefix("data: ") for block in blocks]


async def test_a_stream_is_framed_as_clients_read_it(api: httpx.AsyncClient, handbook: str) -> None:
    response = await chat(api, stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    *sent, done = frames(response.text)
    assert done == "[DONE]"
    chunks = [json.loads(frame) for frame in sent]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    choices = [chunk["choices"][0] for chunk in chunks]
    assert choices[0]["delta"] == {"role": "assistant", "content": ""}
    assert choices[-1]["delta"] == {}
    assert [choice["finish_reason"] for choice in choices] == [None] * (len(choices) - 1) + ["stop"]
    assert [("ragstone" in chunk) for chunk in chunks].count(True) == 1
    assert "usage" not in chunks[-1]


async def test_usage_comes_alone_before_the_end_where_asked_for(
    api: httpx.AsyncClient, handbook: str
) -> None:
    response = await chat(api, stream=True, stream_options={"include_usage": True})
    *_, usage, done = frames(response.text)
    assert done == "[DONE]"
    told = json.loads(usage)
    assert told["choices"] == []
    counts = told["usage"]
    assert counts["total_tokens"] == counts["prompt_tokens"] + counts["completion_tokens"] > 0


async def test_an_error_in_mid_stream_is_the_last_frame_and_nothing_says_done(
    api: httpx.AsyncClient, fake_chat: FakeChat, handbook: str
) -> None:
    fake_chat.replies.append(Broken("Good day", BackendFailed("The model server died.")))
    *before, last = frames((await chat(api, "Hi", model=MODEL, stream=True)).text)
    assert json.loads(last)["error"] == {
        "message": "The model server died.",
        "type": "api_error",
        "param": None,
        "code": "backend_failed",
    }
    assert all("finish_reason" not in frame or '"finish_reason": null' in frame for frame in before)


async def test_a_defect_in_mid_stream_is_told_too(
    api: httpx.AsyncClient, fake_chat: FakeChat, handbook: str
) -> None:
    fake_chat.replies.extend([Broken("Good day", RuntimeError("a defect"))] * 2)
    last = frames((await chat(api, "Hi", model=MODEL, stream=True)).text)[-1]
    assert json.loads(last)["error"]["code"] == "internal_error"
    streamed = await api.post("/v1/query", json={"question": LEAVE, "stream": True})
    assert streamed.text.strip().split("\n\n")[-1].startswith("event: error\ndata: ")
    assert '"code": "internal_error"' in streamed.text


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": LEAVE}],
        [{"type": "image_url", "image_url": {"url": "data:,"}}, {"type": "text", "text": LEAVE}],
        [{"type": "text", "text": "How many days of annual leave"},
         {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
         {"type": "text", "text": "do full-time employees receive?"}],
    ],
)  # fmt: skip
async def test_only_the_text_of_a_message_of_parts_is_read(
    api: httpx.AsyncClient, handbook: str, content: list[dict[str, Any]]
) -> None:
    said = (await chat(api, content)).json()
    assert said["choices"][0]["message"]["content"].startswith("25 days [1]")


async def test_fields_without_a_meaning_here_are_ignored(
    api: httpx.AsyncClient, handbook: str
) -> None:
    extra = {
        "top_p": 1, "n": 1, "user": "me", "seed": 7, "tools": [], "tool_choice": "auto",
        "response_format": {"type": "text"}, "logit_bias": {}, "parallel_tool_calls": True,
        "metadata": {"a": "b"}, "stream_options": None, "max_tokens": None, "stop": None,
    }  # fmt: skip
    said = await chat(api, **extra)
    assert said.status_code == 200
    assert said.json()["choices"][0]["message"]["content"].startswith("25 days [1]")


async def test_the_last_user_message_with_text_is_the_question(
    api: httpx.AsyncClient, handbook: str
) -> None:
    messages = [
        {"role": "user", "content": LEAVE},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "user", "content": "  "},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]},
    ]
    said = await api.post(CHAT, json={"model": "default", "messages": messages})
    assert said.json()["choices"][0]["message"]["content"].startswith("25 days [1]")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"content": None}, "no user message"),
        ({"content": [{"type": "image_url"}]}, "no user message"),
        ({"content": "x" * 8001}, "longer than 8000"),
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"content": "no role"}]}, "role"),
        ({"model": None}, "model"),
        ({"stop": 5}, "stop"),
    ],
)
async def test_a_bad_request_names_the_field_in_openais_shape(
    api: httpx.AsyncClient, handbook: str, fields: dict[str, Any], says: str
) -> None:
    response = await chat(api, **fields)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_request")
    assert says in error["message"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_wrong_model_is_404_before_the_stream(api: httpx.AsyncClient, stream: bool) -> None:
    response = await chat(api, model="nothing:1b", stream=stream)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "unknown_model")


async def test_a_plain_reply_takes_the_length_that_was_asked_for(
    api: httpx.AsyncClient, fake_chat: FakeChat
) -> None:
    fake_chat.default = "one two three"
    said = (await chat(api, "Hi", model=MODEL)).json()
    assert said["choices"][0]["finish_reason"] == "stop"
    assert (await chat(api, "Hi", model=MODEL, max_completion_tokens=5)).status_code == 200
    assert fake_chat.history[-1].max_tokens == 5
    assert fake_chat.history[-1].num_ctx <= 2048


@pytest.mark.parametrize("given", ["", [], ["x"] * 257, [1, 2], [[1]], None])
async def test_embeddings_refuse_what_is_no_list_of_texts(
    api: httpx.AsyncClient, given: object
) -> None:
    response = await api.post("/v1/embeddings", json={"input": given, "model": "m"})
    if given == "":
        assert response.status_code == 200
        assert len(response.json()["data"]) == 1
    else:
        assert response.status_code == 400
        assert "input" in response.json()["error"]["message"]
