from typing import Any

import pytest

from backend.answers.requests import ChatRequest, parse
from backend.errors import BadRequest
from backend.openai.responses_request import ResponsesRequest, chat_request

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def translated(**body: Any) -> ChatRequest:
    return chat_request(parse(ResponsesRequest, {"model": "m", "input": "hello", **body}))


def sent(*items: Any, **body: Any) -> list[dict[str, Any]]:
    asked = translated(input=list(items), **body)
    return [message.model_dump(exclude_none=True) for message in asked.messages]


def test_a_text_is_a_message_of_the_user() -> None:
    asked = translated(instructions="be kind")
    assert [(one.role, one.content) for one in asked.messages] == [
        ("system", "be kind"),
        ("user", "hello"),
    ]
    assert asked.options == {"temperature": 1.0, "top_p": 1.0}
    assert asked.stream is False


def test_options_and_format() -> None:
    text = {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}}
    asked = translated(max_output_tokens=5, temperature=0, text=text, reasoning={"effort": "low"})
    assert asked.options == {"temperature": 0, "top_p": 1.0, "num_predict": 5}
    assert asked.format == SCHEMA
    assert asked.think == "low"
    assert translated(text={"format": {"type": "json_object"}}).format == "json"
    assert translated(text={"verbosity": "low"}).format == ""


def test_items_with_and_without_a_type() -> None:
    image = "data:image/jpeg;base64,AAAA"
    parts = [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": image}]
    assert sent(
        {"role": "developer", "content": "be kind"},
        {"type": "message", "role": "user", "content": parts},
        {"role": "assistant", "content": [{"type": "output_text", "text": "a cat"}]},
    ) == [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "see", "images": [bytes(3)]},
        {"role": "assistant", "content": "a cat"},
    ]


def test_reasoning_calls_and_results_make_turns() -> None:
    found = sent(
        {"role": "user", "content": "add"},
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "function_call", "call_id": "1", "name": "add", "arguments": '{"a":1}'},
        {"type": "function_call", "call_id": "2", "name": "now", "arguments": ""},
        {"type": "function_call_output", "call_id": "1", "output": "3"},
    )
    calls = [
        {"id": "1", "function": {"index": 0, "name": "add", "arguments": {"a": 1}}},
        {"id": "2", "function": {"index": 1, "name": "now", "arguments": {}}},
    ]
    assert found[1:] == [
        {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": calls},
        {"role": "tool", "content": "3", "tool_call_id": "1", "tool_name": "add"},
    ]


def test_a_last_thought_is_kept() -> None:
    found = sent({"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]})
    assert found == [{"role": "assistant", "content": "", "thinking": "hm"}]


def test_function_tools() -> None:
    tool = {"type": "function", "name": "add", "parameters": SCHEMA, "strict": True}
    function = {"name": "add", "parameters": SCHEMA}
    tools = translated(tools=[tool]).tools
    assert tools == [{"type": "function", "function": function}]
    assert translated(tools=[tool], tool_choice="none").tools == []


@pytest.mark.parametrize(
    "body",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "c"},
        {"conversation": {"id": "c"}},
        {"background": True},
    ],
)
def test_state_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="this server keeps no responses"):
        translated(**body)


@pytest.mark.parametrize(
    "body",
    [
        {"input": 3},
        {"input": []},
        {"input": ["bare"]},
        {"input": [{}]},
        {"input": [{"type": "item_reference", "id": "x"}]},
        {"input": [{"role": "user", "content": 3}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "x"}]}]},
        {
            "input": [
                {"role": "user", "content": [{"type": "input_image", "image_url": "http://x"}]}
            ]
        },
        {"input": [{"type": "function_call", "call_id": "1", "arguments": "{}"}]},
        {"input": [{"type": "function_call", "call_id": "1", "name": "a", "arguments": "{"}]},
        {"input": [{"type": "function_call_output", "output": "3"}]},
        {"tools": [{"type": "web_search"}]},
        {"text": {"format": {"type": "json_schema", "name": "x"}}},
        {"reasoning": {"effort": "much"}},
    ],
)
def test_what_cannot_be_done_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        translated(**body)
