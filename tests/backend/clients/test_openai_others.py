"""Completions, embeddings, models and responses through OpenAI's own client."""

import base64
import struct
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from tests.backend.clients.conftest import Live

ADD: Any = {
    "type": "function",
    "name": "add",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
    "strict": False,
}
CALL = '<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>'


def test_completions(openai_client: openai.OpenAI, live: Live) -> None:
    create = openai_client.completions.create
    answer = create(model="tiny", prompt="say", max_tokens=2, stop=["x"])
    assert answer.id.startswith("cmpl-")
    assert answer.object == "text_completion"
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("one two", "length")
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 2
    live.script.reply = None
    assert create(model="tiny", prompt="say").choices[0].text.startswith("user: say")


def test_completions_stream(openai_client: openai.OpenAI) -> None:
    chunks = list(
        openai_client.completions.create(
            model="tiny", prompt="say", stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(one.text for chunk in chunks for one in chunk.choices) == "one two three"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None


def test_completions_logprobs(openai_client: openai.OpenAI) -> None:
    answer = openai_client.completions.create(model="tiny", prompt="say", logprobs=1)
    told = answer.choices[0].logprobs
    assert told is not None
    assert told.tokens == ["one", " two", " three"]
    assert told.text_offset == [0, 3, 7]


def test_embeddings_come_as_base64_unasked(openai_client: openai.OpenAI) -> None:
    create = openai_client.embeddings.create
    unasked = create(model="tiny", input="a text")
    floats = create(model="tiny", input="a text", encoding_format="float")
    assert unasked.data[0].embedding == pytest.approx(floats.data[0].embedding, abs=1e-6)
    assert sum(x * x for x in floats.data[0].embedding) == pytest.approx(1)
    assert (unasked.object, unasked.model, unasked.data[0].index) == ("list", "tiny", 0)
    assert unasked.usage.total_tokens == unasked.usage.prompt_tokens == 2
    raw = openai_client.post(
        "/embeddings",
        cast_to=dict[str, Any],
        body={"model": "tiny", "input": "a text", "encoding_format": "base64"},
    )
    packed = base64.b64decode(raw["data"][0]["embedding"])
    assert list(struct.unpack("<3f", packed)) == pytest.approx(floats.data[0].embedding)


def test_many_embeddings_keep_their_order(openai_client: openai.OpenAI) -> None:
    texts = ["a", "b c", "d e f"]
    found = openai_client.embeddings.create(model="tiny", input=texts, dimensions=2)
    assert [one.index for one in found.data] == [0, 1, 2]
    assert all(len(one.embedding) == 2 for one in found.data)


@pytest.mark.parametrize("given", [[], [1, 2], [[1, 2]]])
def test_embeddings_of_something_else(openai_client: openai.OpenAI, given: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="invalid input"):
        openai_client.embeddings.create(model="tiny", input=given)


def test_models(openai_client: openai.OpenAI) -> None:
    found = openai_client.models.list()
    assert found.object == "list"
    names = {model.id for model in found}
    assert names == {"tiny:latest", "plain:latest", "embedder:latest", "thinker:latest"}
    one = openai_client.models.retrieve("tiny")
    assert (one.id, one.object, one.owned_by) == ("tiny", "model", "library")
    assert one.created > 0


@pytest.mark.parametrize("name", ["absent", "some/name", "a/b/c"])
def test_a_model_that_is_not_there(openai_client: openai.OpenAI, name: str) -> None:
    with pytest.raises(openai.NotFoundError):
        openai_client.models.retrieve(name)


def test_responses(openai_client: openai.OpenAI, live: Live) -> None:
    answer = openai_client.responses.create(
        model="tiny", input="hello", instructions="be kind", max_output_tokens=9
    )
    assert (answer.status, answer.output_text) == ("completed", "one two three")
    assert answer.id.startswith("resp_")
    assert answer.usage is not None
    assert answer.usage.output_tokens == 3
    live.script.reply = None
    told = openai_client.responses.create(model="tiny", input="hello", instructions="be kind")
    assert told.output_text.startswith("system: be kind")


def test_responses_stream(openai_client: openai.OpenAI) -> None:
    events = list(openai_client.responses.create(model="tiny", input="hello", stream=True))
    assert events[0].type == "response.created"
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == "one two three"
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert deltas == ["one", " two", " three"]
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_the_streaming_helper_of_responses(openai_client: openai.OpenAI) -> None:
    with openai_client.responses.stream(model="tiny", input="hello") as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_text == "one two three"


def test_responses_with_tools(openai_client: openai.OpenAI, live: Live) -> None:
    live.script.reply = CALL
    items: list[Any] = [{"role": "user", "content": "1?"}]
    answer = openai_client.responses.create(model="thinker", input=items, tools=[ADD])
    call = answer.output[0]
    assert call.type == "function_call"
    assert (call.name, call.arguments) == ("add", '{"a":1}')
    live.script.reply = None
    items += answer.output
    items.append({"type": "function_call_output", "call_id": call.call_id, "output": "it is 1"})
    told = openai_client.responses.create(model="thinker", input=items, tools=[ADD])
    assert "it is 1" in told.output_text


def test_responses_reason(openai_client: openai.OpenAI, live: Live) -> None:
    live.script.reply = "<think>let me see</think>the answer"
    answer = openai_client.responses.create(
        model="thinker", input="hello", reasoning={"effort": "low"}
    )
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    assert answer.output_text == "the answer"


def test_responses_by_parse(openai_client: openai.OpenAI, live: Live) -> None:
    class Pet(BaseModel):
        name: str

    live.script.reply = '{"name": "Tom"}'
    answer = openai_client.responses.parse(model="tiny", input="hello", text_format=Pet)
    assert answer.output_parsed == Pet(name="Tom")
    schema = live.script.requests[0].json_schema
    assert schema is not None
    assert list(schema["properties"]) == ["name"]


def test_responses_that_break_off(openai_client: openai.OpenAI, live: Live) -> None:
    live.script.crash_after = 1
    events = list(openai_client.responses.create(model="tiny", input="hello", stream=True))
    last = events[-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert "unexpectedly stopped" in last.response.error.message


def test_responses_keep_no_state(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="keeps no responses"):
        openai_client.responses.create(model="tiny", input="x", previous_response_id="resp_1")


def test_no_engine_hears(openai_client: openai.OpenAI) -> None:
    transcribe = openai_client.audio.transcriptions.create
    with pytest.raises(openai.BadRequestError, match="does not support audio"):
        transcribe(model="tiny", file=("a.wav", b"RIFF" * 1000))
    with pytest.raises(openai.NotFoundError):
        transcribe(model="absent", file=("a.wav", b"RIFF"))


async def test_the_async_client(live: Live) -> None:
    async with openai.AsyncOpenAI(base_url=f"{live.url}/v1", api_key="x") as client:
        assert len((await client.embeddings.create(model="tiny", input="a")).data) == 1
        assert len([model async for model in await client.models.list()]) == 4
        assert (await client.models.retrieve("tiny")).id == "tiny"
        stream = await client.completions.create(model="tiny", prompt="x", stream=True)
        texts = [chunk.choices[0].text async for chunk in stream]
        assert texts == ["one", " two", " three", ""]
        answer = await client.responses.create(model="tiny", input="x")
        assert answer.output_text == "one two three"
        events = await client.responses.create(model="tiny", input="x", stream=True)
        assert [event.type async for event in events][-1] == "response.completed"


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_can_be_seen_without_an_answer(live: Live, stream: bool) -> None:
    said = {"messages": [{"role": "user", "content": "hello"}]}
    for path, body in (("chat/completions", said), ("completions", {"prompt": "hello"})):
        asked = {"model": "tiny", "stream": stream, "_debug_render_only": True, **body}
        answer = httpx.post(f"{live.url}/v1/{path}", json=asked).json()
        assert answer["_debug_info"]["rendered_template"] == "user: hello\nassistant:"
    assert live.script.requests == []
