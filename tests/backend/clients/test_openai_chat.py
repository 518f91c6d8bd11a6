"""Chat completions through OpenAI's own client."""

import asyncio
import json
import time
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.backend.clients.conftest import Live, user

ADD: Any = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}
CALL = '<tool_call>{"name": "add", "arguments": {"a": 1, "b": 2}}</tool_call>'
SAID: Any = user("hello")


def test_chat(openai_client: openai.OpenAI) -> None:
    answer = openai_client.chat.completions.create(model="tiny", messages=SAID)
    assert answer.id.startswith("chatcmpl-")
    assert (answer.object, answer.model) == ("chat.completion", "tiny")
    assert answer.system_fingerprint == "fp_ollama"
    (choice,) = answer.choices
    assert (choice.message.role, choice.message.content) == ("assistant", "one two three")
    assert (choice.index, choice.finish_reason) == (0, "stop")
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 3


def test_the_options_reach_the_engine(openai_client: openai.OpenAI, live: Live) -> None:
    create = openai_client.chat.completions.create
    create(model="tiny", messages=SAID)
    cut = create(
        model="tiny",
        messages=SAID,
        max_tokens=2,
        temperature=0,
        top_p=0.5,
        seed=3,
        stop="three",
        frequency_penalty=0.5,
        presence_penalty=0.25,
    )
    first, second = (request.sampling for request in live.script.requests)
    assert (first.temperature, first.top_p) == (1.0, 1.0)
    assert (second.temperature, second.top_p, second.seed) == (0, 0.5, 3)
    assert (second.frequency_penalty, second.presence_penalty) == (0.5, 0.25)
    assert second.stop == ("three",)
    assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == ("one two", "length")


def test_fields_that_are_not_honoured_do_no_harm(openai_client: openai.OpenAI) -> None:
    answer = openai_client.chat.completions.create(
        model="tiny",
        messages=SAID,
        n=1,
        user="somebody",
        logit_bias={"1": 1},
        max_completion_tokens=1,
        store=False,
        metadata={"a": "b"},
        parallel_tool_calls=True,
        service_tier="auto",
        extra_headers={"Authorization": "Bearer nonsense"},
    )
    assert answer.choices[0].message.content == "one"


def test_a_stream(openai_client: openai.OpenAI) -> None:
    chunks = list(openai_client.chat.completions.create(model="tiny", messages=SAID, stream=True))
    assert len({chunk.id for chunk in chunks}) == len({chunk.created for chunk in chunks}) == 1
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert [delta.role for delta in deltas] == ["assistant", None, None, None]
    assert [delta.content for delta in deltas] == ["one", " two", " three", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None, None, "stop"]
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_with_usage(openai_client: openai.OpenAI) -> None:
    chunks = list(
        openai_client.chat.completions.create(
            model="tiny", messages=SAID, stream=True, stream_options={"include_usage": True}
        )
    )
    assert [len(chunk.choices) for chunk in chunks] == [1, 1, 1, 1, 0]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3


def test_the_stream_on_the_wire(openai_client: openai.OpenAI) -> None:
    create = openai_client.chat.completions.with_raw_response.create
    raw = create(model="tiny", messages=SAID, stream=True)
    assert raw.headers["content-type"] == "text/event-stream"
    text = raw.http_response.read().decode()
    assert text.endswith('"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
    lines = text.split("\n\n")[:-2]
    assert all(line.startswith("data: {") for line in lines)
    assert all("usage" not in json.loads(line.removeprefix("data: ")) for line in lines)


def test_a_timeout_of_the_client_ends_a_stream(openai_client: openai.OpenAI, live: Live) -> None:
    live.script.token_seconds = 60
    live.script.reply = "one two"
    with (
        pytest.raises(openai.APITimeoutError),
        openai_client.chat.completions.create(
            model="tiny", messages=SAID, stream=True, timeout=0.2
        ) as stream,
    ):
        list(stream)


def test_the_raw_response(openai_client: openai.OpenAI) -> None:
    raw = openai_client.chat.completions.with_raw_response.create(model="tiny", messages=SAID)
    assert raw.status_code == 200
    assert raw.headers["content-type"].startswith("application/json")
    assert raw.parse().choices[0].message.content == "one two three"


def test_the_streaming_helper(openai_client: openai.OpenAI) -> None:
    with openai_client.chat.completions.stream(model="tiny", messages=SAID) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert final.choices[0].message.content == "one two three"


def test_tools(openai_client: openai.OpenAI, live: Live) -> None:
    live.script.reply = CALL
    create = openai_client.chat.completions.create
    answer = create(model="thinker", messages=SAID, tools=[ADD])
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls or ()
    assert call.type == "function"
    assert call.id.startswith("call_")
    assert (call.function.name, json.loads(call.function.arguments)) == ("add", {"a": 1, "b": 2})

    live.script.reply = None  # the fake says its prompt again
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": "it is 3"}
    told = create(model="thinker", messages=[*SAID, choice.message, result], tools=[ADD])
    text = told.choices[0].message.content or ""
    assert "it is 3" in text


def test_tools_in_a_stream(openai_client: openai.OpenAI, live: Live) -> None:
    live.script.reply = CALL * 2
    chunks = list(
        openai_client.chat.completions.create(
            model="thinker", messages=SAID, tools=[ADD], stream=True
        )
    )
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert [call.index for call in calls] == [0, 1]
    assert len({call.id for call in calls}) == 2
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_no_tools_when_the_choice_is_none(openai_client: openai.OpenAI, live: Live) -> None:
    live.script.reply = CALL
    answer = openai_client.chat.completions.create(
        model="thinker", messages=SAID, tools=[ADD], tool_choice="none"
    )
    assert answer.choices[0].message.tool_calls is None


def test_reasoning(openai_client: openai.OpenAI, live: Live) -> None:
    live.script.reply = "<think>let me see</think>the answer"
    create = openai_client.chat.completions.create
    answer = create(model="thinker", messages=SAID, reasoning_effort="high")
    message: Any = answer.choices[0].message
    assert (message.reasoning, message.content) == ("let me see", "the answer")
    deltas: list[Any] = [
        chunk.choices[0].delta for chunk in create(model="thinker", messages=SAID, stream=True)
    ]
    assert "".join(getattr(one, "reasoning", "") for one in deltas) == "let me see"
    assert "".join(one.content or "" for one in deltas) == "the answer"


def test_a_schema_by_parse(openai_client: openai.OpenAI, live: Live) -> None:
    class Pet(BaseModel):
        name: str
        age: int

    live.script.reply = '{"name": "Tom", "age": 3}'
    answer = openai_client.chat.completions.parse(model="tiny", messages=SAID, response_format=Pet)
    assert answer.choices[0].message.parsed == Pet(name="Tom", age=3)
    schema = live.script.requests[0].json_schema
    assert schema is not None
    assert set(schema["properties"]) == {"name", "age"}


def test_json_mode(openai_client: openai.OpenAI, live: Live) -> None:
    openai_client.chat.completions.create(
        model="tiny", messages=SAID, response_format={"type": "json_object"}
    )
    assert live.script.requests[0].json_schema == {"type": "object"}


def test_logprobs(openai_client: openai.OpenAI) -> None:
    create = openai_client.chat.completions.create
    answer = create(model="tiny", messages=SAID, logprobs=True, top_logprobs=1)
    told = answer.choices[0].logprobs
    assert told is not None
    assert [one.token for one in told.content or ()] == ["one", " two", " three"]
    assert [len(one.top_logprobs) for one in told.content or ()] == [1, 1, 1]
    assert create(model="tiny", messages=SAID).choices[0].logprobs is None


def test_roles_and_parts(openai_client: openai.OpenAI, live: Live) -> None:
    live.script.reply = None
    messages: Any = [
        {"role": "developer", "content": "be kind"},
        {"role": "user", "content": [{"type": "text", "text": "first"}]},
        {"role": "assistant", "content": "so"},
        {"role": "user", "content": [{"type": "text", "text": "then"}]},
    ]
    answer = openai_client.chat.completions.create(model="tiny", messages=messages)
    text = answer.choices[0].message.content or ""
    assert text.split("\n")[0] == "system: be kind"
    assert text.index("first") < text.index("so") < text.index("then")


async def test_the_async_client(live: Live) -> None:
    async with openai.AsyncOpenAI(base_url=f"{live.url}/v1", api_key="x") as client:
        answer = await client.chat.completions.create(model="tiny", messages=SAID)
        assert answer.choices[0].message.content == "one two three"
        stream = await client.chat.completions.create(model="tiny", messages=SAID, stream=True)
        texts = [chunk.choices[0].delta.content async for chunk in stream]
        assert texts == ["one", " two", " three", None]
        answers = await asyncio.gather(
            *(client.chat.completions.create(model="tiny", messages=SAID) for _ in range(8))
        )
        assert len({answer.id for answer in answers}) == 8


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_stops_the_engine(live: Live, stream: bool) -> None:
    live.script.reply, live.script.token_seconds = "word " * 500, 0.01
    async with openai.AsyncOpenAI(base_url=f"{live.url}/v1", api_key="x") as client:
        asking: Any = client.chat.completions.create(
            model="tiny", messages=SAID, stream=stream, max_tokens=400
        )
        task = asyncio.create_task(asking)
        if stream:
            answer: Any = await task
            await anext(aiter(answer))
            await answer.close()
        else:
            await until_running(live, 1)
            task.cancel()
        await until_running(live, 0)
    assert live.script.cancelled == 1


async def until_running(live: Live, count: int) -> None:
    deadline = time.monotonic() + 5
    while live.script.running != count:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)


def test_a_crash_in_mid_stream_is_an_error(openai_client: openai.OpenAI, live: Live) -> None:
    live.script.crash_after = 2
    told = []
    with pytest.raises(openai.APIError, match="unexpectedly stopped"):  # noqa: PT012
        for chunk in openai_client.chat.completions.create(
            model="tiny", messages=SAID, stream=True
        ):
            told.append(chunk.choices[0].delta.content)  # noqa: PERF401
    assert told == ["one", " two"]
    again = openai_client.chat.completions.create(model="tiny", messages=SAID)
    assert again.choices[0].message.content == "one two three"
