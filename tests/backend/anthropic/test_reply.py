from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backend.anthropic.errors import error_body
from backend.anthropic.reply import MessageStream, message
from tests.backend.openai.answers import call, chunk, last


def events(*answers: dict[str, Any]) -> list[dict[str, Any]]:
    stream = MessageStream("msg_1")
    return [one for answer in answers for one in stream.events(answer)]


def test_a_whole_answer() -> None:
    shown = message(last(content="a", thinking="b", calls=[call("add", x=1)]), "msg_1")
    assert [block["type"] for block in shown["content"]] == ["thinking", "text", "tool_use"]
    assert shown["content"][2] == {
        "type": "tool_use",
        "id": "call_add0001",
        "name": "add",
        "input": {"x": 1},
    }
    assert (shown["stop_reason"], shown["stop_sequence"]) == ("tool_use", None)
    assert shown["usage"] == {"input_tokens": 7, "output_tokens": 3}


def test_stop_reasons() -> None:
    assert message(last(), "")["stop_reason"] == "end_turn"
    assert message(last("length"), "")["stop_reason"] == "max_tokens"


def test_a_stream() -> None:
    found = events(chunk(thinking="h"), chunk("a"), chunk("b"), chunk(calls=[call(x=1)]), last())
    assert [(one["type"], one.get("index")) for one in found] == [
        ("message_start", None),
        ("content_block_start", 0),
        ("content_block_delta", 0),
        ("content_block_stop", 0),
        ("content_block_start", 1),
        ("content_block_delta", 1),
        ("content_block_delta", 1),
        ("content_block_stop", 1),
        ("content_block_start", 2),
        ("content_block_delta", 2),
        ("content_block_stop", 2),
        ("message_delta", None),
        ("message_stop", None),
    ]
    assert found[9]["delta"] == {"type": "input_json_delta", "partial_json": '{"x":1}'}
    assert found[-2]["delta"]["stop_reason"] == "tool_use"
    assert found[-2]["usage"] == {"input_tokens": 7, "output_tokens": 3}


def test_an_empty_reply_has_no_blocks() -> None:
    kinds = [one["type"] for one in events(last())]
    assert kinds == ["message_start", "message_delta", "message_stop"]


def test_errors() -> None:
    assert error_body("gone", 404)["error"] == {"type": "not_found_error", "message": "gone"}
    (failed,) = MessageStream("").failed("gone", 503)
    assert (failed["type"], failed["error"]["type"]) == ("error", "overloaded_error")
    assert error_body("odd", 500)["error"]["type"] == "api_error"


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
def test_blocks_open_and_close_one_at_a_time(pieces: list[dict[str, Any]]) -> None:
    found = events(*pieces, last())
    open_block = None
    for one in found:
        if one["type"] == "content_block_start":
            assert open_block is None
            open_block = one["index"]
        elif one["type"] == "content_block_delta":
            assert open_block == one["index"]
        elif one["type"] == "content_block_stop":
            assert open_block == one["index"]
            open_block = None
    assert open_block is None
    text = "".join(
        one["delta"].get("text", "") for one in found if "index" in one and "delta" in one
    )
    assert text == "".join(piece["message"]["content"] for piece in pieces)
