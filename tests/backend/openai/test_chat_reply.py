import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from backend.openai.chat_reply import ChatStream, completion
from backend.openai.naming import Naming
from tests.backend.openai.answers import call, chunk, last, token

NAMING = Naming("chatcmpl-1", 5)


def streamed(*answers: dict[str, Any], usage: bool = False) -> list[dict[str, Any]]:
    stream = ChatStream(NAMING, include_usage=usage)
    return [one for answer in answers for one in stream.chunks(answer)]


def deltas(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one["choices"][0]["delta"] for one in chunks if one["choices"]]


def test_a_whole_answer() -> None:
    shown = completion(last(content="Hi", thinking="hm"), NAMING)
    message = {"role": "assistant", "content": "Hi", "reasoning": "hm"}
    assert shown["choices"] == [{"index": 0, "message": message, "finish_reason": "stop"}]
    assert shown["usage"] == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    assert list(shown)[:4] == ["id", "object", "created", "model"]
    ChatCompletion.model_validate(shown)


def test_a_whole_answer_with_calls() -> None:
    shown = completion(last(calls=[call("add", a=1), call("now")]), NAMING)
    choice = shown["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    first, second = choice["message"]["tool_calls"]
    assert first == {
        "id": "call_add0001",
        "index": 0,
        "type": "function",
        "function": {"name": "add", "arguments": '{"a":1}'},
    }
    assert (second["index"], second["function"]["arguments"]) == (1, "{}")


def test_length_is_told() -> None:
    assert completion(last("length"), NAMING)["choices"][0]["finish_reason"] == "length"
    assert completion(last("load"), NAMING)["choices"][0]["finish_reason"] == "stop"


def test_logprobs_of_a_whole_answer() -> None:
    shown = completion(last(logprobs=[token("a", "b"), token("é")]), NAMING)
    content = shown["choices"][0]["logprobs"]["content"]
    assert content[0] == token("a", "b")
    assert content[1] == {**token("é"), "top_logprobs": []}
    ChatCompletion.model_validate(shown)


def test_the_role_is_in_the_first_delta_only_and_the_end_by_itself() -> None:
    chunks = streamed(chunk("a"), chunk("b"), last())
    assert deltas(chunks) == [{"role": "assistant", "content": "a"}, {"content": "b"}, {}]
    assert [one["choices"][0]["finish_reason"] for one in chunks] == [None, None, "stop"]
    assert {(one["id"], one["created"]) for one in chunks} == {("chatcmpl-1", 5)}
    assert all("usage" not in one for one in chunks)
    for one in chunks:
        ChatCompletionChunk.model_validate(one)


def test_usage_comes_last_with_no_choices() -> None:
    chunks = streamed(chunk("a"), last(), usage=True)
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 10
    assert all("usage" not in one for one in chunks[:-1])
    ChatCompletionChunk.model_validate(chunks[-1])


def test_an_empty_reply_still_says_who_speaks() -> None:
    assert deltas(streamed(last())) == [{"role": "assistant", "content": ""}, {}]


def test_a_text_in_the_last_object_is_not_lost() -> None:
    assert deltas(streamed(last(content="all"))) == [{"role": "assistant", "content": "all"}, {}]


def test_thinking_and_text_in_one_object_are_told_apart() -> None:
    assert deltas(streamed(chunk("b", thinking="a"), last()))[:2] == [
        {"role": "assistant", "content": "", "reasoning": "a"},
        {"content": "b"},
    ]


def test_calls_are_numbered_through_the_stream_and_end_it() -> None:
    chunks = streamed(chunk(calls=[call("a")]), chunk(calls=[call("b"), call("c")]), last())
    found = [one["index"] for delta in deltas(chunks) for one in delta.get("tool_calls", ())]
    assert found == [0, 1, 2]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    for one in chunks:
        ChatCompletionChunk.model_validate(one)


def test_logprobs_of_a_token_without_text_are_told() -> None:
    chunks = streamed(chunk(logprobs=[token("a")]), chunk("é", logprobs=[token("b")]), last())
    told = [one["choices"][0].get("logprobs", {}).get("content") for one in chunks[:2]]
    assert [len(one or ()) for one in told] == [1, 1]


PIECES = st.lists(
    st.builds(
        chunk,
        st.text(max_size=5),
        thinking=st.text(max_size=5),
        calls=st.lists(st.builds(call, st.sampled_from("ab"), x=st.integers()), max_size=2),
    ),
    max_size=6,
)


@given(PIECES)
def test_nothing_said_is_lost_in_a_stream(pieces: list[dict[str, Any]]) -> None:
    found = deltas(streamed(*pieces, last()))
    said = [piece["message"] for piece in pieces]
    text = "".join(delta.get("content", "") for delta in found)
    assert text == "".join(one["content"] for one in said)
    thought = "".join(delta.get("reasoning", "") for delta in found)
    assert thought == "".join(one.get("thinking", "") for one in said)
    calls = [one for delta in found for one in delta.get("tool_calls", ())]
    assert [json.loads(one["function"]["arguments"]) for one in calls] == [
        one["function"]["arguments"] for part in said for one in part.get("tool_calls", ())
    ]
    assert [("role" in delta) for delta in found] == [True] + [False] * (len(found) - 1)
