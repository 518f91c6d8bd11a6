"""Every way of asking for text and vectors, through Ollama's own client."""

import asyncio

import ollama
import pytest
from pydantic import BaseModel

from tests.backend.clients.conftest import Live, user

CALL = '<tool_call>{"name": "add", "arguments": {"a": 1, "b": 2}}</tool_call>'


def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
      a: the first
      b: the second
    """
    return a + b


def test_generate(client: ollama.Client) -> None:
    answer = client.generate("tiny", "hello")
    assert (answer.model, answer.response, answer.done) == ("tiny", "one two three", True)
    assert answer.done_reason == "stop"
    assert answer.context
    assert answer.eval_count == 3
    assert answer.total_duration is not None
    assert answer.load_duration is not None
    assert answer.total_duration >= answer.load_duration > 0


def test_generate_streams(client: ollama.Client) -> None:
    parts = list(client.generate("tiny", "hello", stream=True))
    assert [part.response for part in parts] == ["one", " two", " three", ""]
    assert [part.done for part in parts] == [False, False, False, True]
    assert [part.done_reason for part in parts] == [None, None, None, "stop"]
    assert [part.eval_count for part in parts] == [None, None, None, 3]


def test_generate_raw_has_no_context(client: ollama.Client, live: Live) -> None:
    answer = client.generate("tiny", "as it is", raw=True)
    assert answer.context is None
    with pytest.raises(ollama.ResponseError, match="raw mode does not support") as caught:
        client.generate("tiny", "x", raw=True, system="y")
    assert caught.value.status_code == 400


def test_generate_goes_on_from_a_context(client: ollama.Client, live: Live) -> None:
    first = client.generate("tiny", "hello")
    assert first.context is not None
    live.script.reply = None  # the fake says its prompt again
    answer = client.generate("tiny", "again", context=list(first.context))
    assert "one two three" in answer.response
    assert answer.response.index("hello") < answer.response.index("again")


def test_generate_with_options(client: ollama.Client, live: Live) -> None:
    options = {"num_predict": 2, "temperature": 0, "seed": 7, "stop": ["three"], "nonsense": 1}
    answer = client.generate("tiny", "hello", options=options)
    assert (answer.response, answer.done_reason) == ("one two", "length")
    sampling = live.script.requests[0].sampling
    assert (sampling.temperature, sampling.seed, sampling.stop) == (0, 7, ("three",))


def test_options_of_the_client_type(client: ollama.Client, live: Live) -> None:
    client.generate("tiny", "hello", options=ollama.Options(top_k=3, top_p=0.1))
    sampling = live.script.requests[0].sampling
    assert (sampling.top_k, sampling.top_p, sampling.min_p) == (3, 0.1, 0.0)


def test_generate_loads_and_unloads(client: ollama.Client) -> None:
    assert client.generate("tiny").done_reason == "load"
    assert [model.model for model in client.ps().models] == ["tiny:latest"]
    assert client.generate("tiny", keep_alive=0).done_reason == "unload"
    assert client.ps().models == []


def test_generate_thinks(client: ollama.Client, live: Live) -> None:
    live.script.reply = "<think>let me see</think>the answer"
    answer = client.generate("thinker", "hello", think=True)
    assert (answer.thinking, answer.response) == ("let me see", "the answer")


def test_chat(client: ollama.Client) -> None:
    answer = client.chat("tiny", user("hello"))
    assert (answer.message.role, answer.message.content) == ("assistant", "one two three")
    assert (answer.done, answer.done_reason, answer.eval_count) == (True, "stop", 3)


def test_chat_streams(client: ollama.Client) -> None:
    parts = list(client.chat("tiny", user("hello"), stream=True))
    assert [part.message.content for part in parts] == ["one", " two", " three", ""]
    assert all(part.message.role == "assistant" for part in parts)
    assert [part.done for part in parts] == [False, False, False, True]


def test_chat_loads_and_unloads(client: ollama.Client) -> None:
    assert client.chat("tiny", []).done_reason == "load"
    assert client.chat("tiny", [], keep_alive=0).done_reason == "unload"
    assert client.ps().models == []


@pytest.mark.parametrize("keep_alive", [60, 60.5, "1m", "1h30m", -1, "-1s"])
def test_keep_alive(client: ollama.Client, keep_alive: float | str) -> None:
    client.chat("tiny", user("hello"), keep_alive=keep_alive)
    (loaded,) = client.ps().models
    assert loaded.expires_at is not None
    assert loaded.size_vram == 0
    assert loaded.context_length == 64


def test_a_number_without_a_unit_is_no_duration(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError) as caught:
        client.chat("tiny", user("hello"), keep_alive="300")
    assert caught.value.status_code == 400


def test_chat_calls_a_python_function(client: ollama.Client, live: Live) -> None:
    live.script.reply = CALL
    answer = client.chat("thinker", user("1 + 2?"), tools=[add])
    (call,) = answer.message.tool_calls or ()
    assert (call.function.name, call.function.arguments) == ("add", {"a": 1, "b": 2})
    assert add(**call.function.arguments) == 3
    assert (answer.message.content, answer.done_reason) == ("", "stop")


def test_chat_takes_the_result_of_a_tool(client: ollama.Client, live: Live) -> None:
    live.script.reply = CALL
    messages: list[ollama.Message | dict[str, object]] = [*user("1 + 2?")]
    answer = client.chat("thinker", messages, tools=[add])
    live.script.reply = "three"
    messages += [answer.message, {"role": "tool", "content": "3", "tool_name": "add"}]
    assert client.chat("thinker", messages, tools=[add]).message.content == "three"


def test_chat_streams_a_call(client: ollama.Client, live: Live) -> None:
    live.script.reply = CALL
    parts = list(client.chat("thinker", user("1 + 2?"), tools=[add], stream=True))
    called = [part for part in parts if part.message.tool_calls]
    assert [part.message.content for part in called] == [""]
    assert "<tool_call>" not in "".join(part.message.content or "" for part in parts)


def test_tools_are_refused_where_the_model_has_none(client: ollama.Client) -> None:
    long = "registry.ollama.ai/library/plain:latest does not support tools"
    with pytest.raises(ollama.ResponseError, match=long) as caught:
        client.chat("plain", user("x"), tools=[add])
    assert caught.value.status_code == 400


def test_chat_thinks(client: ollama.Client, live: Live) -> None:
    live.script.reply = "<think>let me see</think>the answer"
    answer = client.chat("thinker", user("hello"), think=True)
    assert (answer.message.thinking, answer.message.content) == ("let me see", "the answer")
    parts = list(client.chat("thinker", user("hello"), think="high", stream=True))
    assert "".join(part.message.thinking or "" for part in parts) == "let me see"
    assert "".join(part.message.content or "" for part in parts) == "the answer"


def test_thinking_is_refused_where_the_model_cannot(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match='"tiny" does not support thinking') as caught:
        client.chat("tiny", user("x"), think=True)
    assert caught.value.status_code == 400
    assert client.chat("tiny", user("x"), think=False).done


def test_format(client: ollama.Client, live: Live) -> None:
    class Pet(BaseModel):
        name: str
        age: int

    client.chat("tiny", user("x"), format="json")
    client.chat("tiny", user("x"), format=Pet.model_json_schema())
    schemas = [request.json_schema for request in live.script.requests]
    assert schemas[0] is not None
    assert schemas[1] is not None
    assert set(schemas[1]["properties"]) == {"name", "age"}


def test_logprobs(client: ollama.Client) -> None:
    answer = client.chat("tiny", user("x"), logprobs=True, top_logprobs=1)
    assert [one.token for one in answer.logprobs or ()] == ["one", " two", " three"]
    for one in answer.logprobs or ():
        assert one.logprob is not None
        assert one.logprob <= 0
        assert len(one.top_logprobs or ()) == 1
    whole = client.generate("tiny", "x", logprobs=True)
    assert len(whole.logprobs or ()) == 3
    parts = client.generate("tiny", "x", logprobs=True, stream=True)
    assert sum(len(part.logprobs or ()) for part in parts) == 3


@pytest.mark.parametrize("top", [-1, 21])
def test_top_logprobs_have_bounds(client: ollama.Client, top: int) -> None:
    with pytest.raises(ollama.ResponseError, match="between 0 and 20") as caught:
        client.chat("absent", user("x"), logprobs=True, top_logprobs=top)
    assert caught.value.status_code == 400


def test_embed(client: ollama.Client) -> None:
    one = client.embed("tiny", "a text")
    many = client.embed("tiny", ["a text", "another one here"])
    assert len(one.embeddings) == 1
    assert many.embeddings[0] == one.embeddings[0]
    assert sum(x * x for x in many.embeddings[1]) == pytest.approx(1)
    assert many.prompt_eval_count == 5
    short = client.embed("tiny", "a text", dimensions=2)
    assert len(short.embeddings[0]) == 2
    assert sum(x * x for x in short.embeddings[0]) == pytest.approx(1)


def test_embed_of_nothing_loads(client: ollama.Client) -> None:
    assert client.embed("tiny", []).embeddings == []
    assert client.ps().models


def test_embed_too_long(client: ollama.Client) -> None:
    text = "word " * 200
    assert len(client.embed("tiny", text).embeddings) == 1
    with pytest.raises(ollama.ResponseError, match="the input length exceeds") as caught:
        client.embed("tiny", text, truncate=False)
    assert caught.value.status_code == 400


def test_embeddings(client: ollama.Client) -> None:
    assert client.embeddings("tiny", "a text").embedding == [2.0, 1.0, 5.0]
    assert client.embeddings("tiny", "").embedding == []


async def test_the_async_client(live: Live) -> None:
    client = ollama.AsyncClient(live.url)
    try:
        assert (await client.generate("tiny", "x")).response == "one two three"
        assert (await client.chat("tiny", user("x"))).message.content == "one two three"
        parts = [part async for part in await client.chat("tiny", user("x"), stream=True)]
        assert [part.message.content for part in parts] == ["one", " two", " three", ""]
        told = [part async for part in await client.generate("tiny", "x", stream=True)]
        assert told[-1].done
        assert len((await client.embed("tiny", ["a", "b"])).embeddings) == 2
        assert len((await client.embeddings("tiny", "a")).embedding) == 3
        answers = await asyncio.gather(*(client.generate("tiny", f"{n}") for n in range(10)))
        assert {answer.response for answer in answers} == {"one two three"}
    finally:
        await client.close()
