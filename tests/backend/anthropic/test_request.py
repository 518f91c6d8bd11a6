from typing import Any

import pytest

from backend.answers.requests import ChatRequest, parse
from backend.anthropic.request import MessagesRequest, chat_request
from backend.errors import BadRequest

HELLO = [{"role": "user", "content": "hello"}]


def translated(**body: Any) -> ChatRequest:
    body = {"model": "m", "max_tokens": 9, "messages": HELLO, **body}
    return chat_request(parse(MessagesRequest, body))


def sent(*messages: Any, **body: Any) -> list[dict[str, Any]]:
    asked = translated(messages=list(messages), **body)
    return [message.model_dump(exclude_none=True) for message in asked.messages]


def test_the_request() -> None:
    asked = translated(
        system=[{"type": "text", "text": "be "}, {"type": "text", "text": "kind"}],
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        stop_sequences=["x"],
    )
    assert [(one.role, one.content) for one in asked.messages] == [
        ("system", "be kind"),
        ("user", "hello"),
    ]
    sampling = {"temperature": 0.5, "top_p": 0.9, "top_k": 3, "stop": ["x"]}
    assert asked.options == {"num_predict": 9, **sampling}


@pytest.mark.parametrize(
    ("body", "think"),
    [
        ({}, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, True),
        ({"thinking": {"type": "disabled"}}, False),
        ({"output_config": {"effort": "low"}}, "low"),
        ({"output_config": {"effort": "xhigh"}}, "high"),
    ],
)
def test_thinking(body: dict[str, Any], think: Any) -> None:
    assert translated(**body).think == think


def test_blocks_become_messages() -> None:
    image = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
    }
    use = {"type": "tool_use", "id": "1", "name": "add", "input": {"a": 1}}
    result = {"type": "tool_result", "tool_use_id": "1"}
    found = sent(
        {"role": "user", "content": [{"type": "text", "text": "see"}, image]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, use]},
        {"role": "user", "content": [{**result, "content": "3"}, {"type": "text", "text": "so?"}]},
        {"role": "user", "content": [{**result, "content": [{"type": "text", "text": "4"}]}]},
    )
    calls = [{"id": "1", "function": {"index": 0, "name": "add", "arguments": {"a": 1}}}]
    told = {"tool_call_id": "1", "tool_name": "add"}
    assert found == [
        {"role": "user", "content": "see", "images": [b"\0\0\0"]},
        {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": calls},
        {"role": "tool", "content": "3", **told},
        {"role": "user", "content": "so?"},
        {"role": "tool", "content": "4", **told},
    ]


def test_tools() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    tool = {"name": "add", "description": "adds", "input_schema": schema}
    function = {"name": "add", "description": "adds", "parameters": schema}
    assert translated(tools=[tool]).tools == [{"type": "function", "function": function}]
    assert translated(tools=[tool], tool_choice={"type": "none"}).tools == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"model": ""}, "model is required"),
        ({"max_tokens": 0}, "max_tokens is required and must be positive"),
        ({"messages": []}, "messages is required"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "unsupported tool"),
    ],
)
def test_what_is_missing_is_named(body: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence):
        translated(**body)


@pytest.mark.parametrize(
    "message",
    [
        "bare",
        {"content": "x"},
        {"role": "user", "content": 3},
        {"role": "user", "content": [{"type": "document"}]},
        {"role": "user", "content": ["bare"]},
        {
            "role": "user",
            "content": [{"type": "image", "source": {"type": "url", "url": "http://x"}}],
        },
        {"role": "assistant", "content": [{"type": "tool_use", "name": "add"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "1"}]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "1", "name": "a", "input": 3}],
        },
        {"role": "user", "content": [{"type": "tool_result", "content": "x"}]},
    ],
)
def test_messages_that_cannot_be_read_are_refused(message: Any) -> None:
    with pytest.raises(BadRequest):
        sent(message)
