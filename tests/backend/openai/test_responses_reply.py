from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from backend.answers.requests import parse
from backend.openai.naming import Naming
from backend.openai.responses_reply import ResponseStream
from backend.openai.responses_request import ResponsesRequest
from tests.backend.openai.answers import call, chunk, last

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def stream(**body: Any) -> ResponseStream:
    asked = parse(ResponsesRequest, {"model": "m", "input": "x", **body})
    return ResponseStream(asked, Naming("resp_7", 5))


def events(*answers: dict[str, Any]) -> list[dict[str, Any]]:
    made = stream()
    return [one for answer in answers for one in made.events(answer)]


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return [one["type"].removeprefix("response.") for one in found]


MESSAGE = ["output_item.added", "content_part.added"]
MESSAGE_END = ["output_text.done", "content_part.done", "output_item.done"]


def test_a_text_is_told_in_the_official_order() -> None:
    found = events(chunk("a"), chunk("b"), last())
    assert kinds(found) == [
        "created",
        "in_progress",
        *MESSAGE,
        "output_text.delta",
        "output_text.delta",
        *MESSAGE_END,
        "completed",
    ]
    assert [one["sequence_number"] for one in found] == list(range(len(found)))
    for one in found:
        EVENT.validate_python(one)


def test_thinking_text_and_calls_are_items_in_their_order() -> None:
    found = events(chunk(thinking="hm"), chunk("a"), chunk(calls=[call("add", a=1)]), last())
    added = [one for one in found if one["type"] == "response.output_item.added"]
    assert [one["item"]["type"] for one in added] == ["reasoning", "message", "function_call"]
    assert [one["output_index"] for one in added] == [0, 1, 2]
    output = found[-1]["response"]["output"]
    assert output[0]["summary"] == [{"type": "summary_text", "text": "hm"}]
    assert output[1]["content"][0]["text"] == "a"
    assert (output[2]["name"], output[2]["arguments"]) == ("add", '{"a":1}')
    assert output[2]["call_id"] == "call_add0001"
    for one in found:
        EVENT.validate_python(one)


def test_an_empty_reply_is_an_empty_message() -> None:
    found = events(last())
    assert kinds(found) == ["created", "in_progress", *MESSAGE, *MESSAGE_END, "completed"]
    assert found[-1]["response"]["output"][0]["content"][0]["text"] == ""


def test_the_whole_is_what_the_stream_completes() -> None:
    whole = stream(instructions="be kind").whole(last(content="a", thinking="b"))
    assert [item["type"] for item in whole["output"]] == ["reasoning", "message"]
    assert (whole["status"], whole["instructions"]) == ("completed", "be kind")
    assert whole["usage"]["total_tokens"] == 10
    assert whole["incomplete_details"] is None
    found = Response.model_validate(whole)
    assert found.output_text == "a"


def test_a_reply_cut_short_says_so() -> None:
    assert stream().whole(last("length"))["incomplete_details"] == {"reason": "max_output_tokens"}


def test_a_stream_that_breaks_off_ends_with_a_failure() -> None:
    made = stream()
    sent = made.events(chunk("a"))
    (failed,) = made.failed("the runner is gone", 500)
    assert failed["sequence_number"] == len(sent)
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"]["message"] == "the runner is gone"
    EVENT.validate_python(failed)


PIECES = st.lists(
    st.builds(
        chunk,
        st.text(max_size=4),
        thinking=st.text(max_size=4),
        calls=st.lists(st.builds(call, x=st.integers()), max_size=2),
    ),
    max_size=6,
)


@given(PIECES)
def test_items_begin_and_end_in_pairs_and_nothing_is_lost(pieces: list[dict[str, Any]]) -> None:
    found = events(*pieces, last())
    starts = [one["item"]["id"] for one in found if one["type"].endswith("output_item.added")]
    ends = [one["item"]["id"] for one in found if one["type"].endswith("output_item.done")]
    output = found[-1]["response"]["output"]
    assert starts == ends == [item["id"] for item in output]
    assert len(set(starts)) == len(starts)
    text = "".join(item["content"][0]["text"] for item in output if item["type"] == "message")
    assert text == "".join(piece["message"]["content"] for piece in pieces)
    for one in found:
        EVENT.validate_python(one)
