"""What llama.cpp's Jinja is given, and what a Jinja template says of replies."""

import json
from typing import Any

import pytest

from backend.prompts.abilities import abilities
from backend.prompts.conversation import Conversation
from backend.prompts.jinja import jinja_thinking_tags, jinja_tool_tag, template_request
from tests.backend.prompts import templates

USER = {"role": "user", "content": "Hi"}


def test_messages_in_openais_form() -> None:
    call = {"function": {"name": "f", "arguments": {"b": "é", "a": [1]}}}
    said = {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [call, {"id": "x"}]}
    result = {"role": "tool", "content": "r", "tool_name": "f", "tool_call_id": "call_1"}
    body = template_request(Conversation([USER, said, result, {"role": "user"}]))
    plain, assistant, tool, empty = body["messages"]
    assert plain == USER
    assert empty == {"role": "user", "content": ""}
    assert tool == {"role": "tool", "content": "r", "name": "f", "tool_call_id": "call_1"}
    assert assistant["reasoning_content"] == "hm"
    first, second = assistant["tool_calls"]
    assert (first["id"], first["type"], first["function"]["name"]) == (
        "call_00000000",
        "function",
        "f",
    )
    assert first["function"]["arguments"] == '{"b": "é", "a": [1]}'
    assert second == {"id": "x", "type": "function", "function": {"name": "", "arguments": "{}"}}
    assert set(body) == {"messages"}
    json.dumps(body)


def test_tools_are_made_whole() -> None:
    body = template_request(Conversation([USER], [{"function": {"name": "f"}}, {}]))
    empty = {"type": "object", "properties": {}}
    assert [tool["function"] for tool in body["tools"]] == [
        {"name": "f", "description": "", "parameters": empty},
        {"name": "", "description": "", "parameters": empty},
    ]
    assert {tool["type"] for tool in body["tools"]} == {"function"}


@pytest.mark.parametrize(
    ("think", "kwargs"),
    [
        (None, None),
        (True, {"enable_thinking": True, "thinking": True}),
        (False, {"enable_thinking": False, "thinking": False}),
        ("high", {"enable_thinking": True, "thinking": True, "reasoning_effort": "high"}),
    ],
)
def test_thinking_is_told_to_the_template(
    think: bool | str | None, kwargs: dict[str, Any] | None
) -> None:
    body = template_request(Conversation([USER], think=think))
    assert body.get("chat_template_kwargs") == kwargs


@pytest.mark.parametrize("think", [None, True, False])
def test_a_begun_reply_is_continued_without_thinking(think: bool | None) -> None:
    begun = Conversation([USER, {"role": "assistant", "content": "We"}], think=think)
    assert template_request(begun)["chat_template_kwargs"]["enable_thinking"] is False


@pytest.mark.parametrize(
    ("source", "tag", "thinking"),
    [
        ("{% if tools %}<tool_call>\n<function=name>{% endif %}", "<tool_call>", None),
        ("...'[TOOL_CALLS]'...[THINK]x[/THINK]", "[TOOL_CALLS]", ("[THINK]", "[/THINK]")),
        ("'<|python_tag|>'", "<|python_tag|>", None),
        ("<function=example>", "<function=", None),
        ("functools[", "functools[", None),
        ("{{ content.split('</think>')[-1] }}", "{", ("<think>", "</think>")),
        ("<｜tool▁calls▁begin｜></think>", "<｜tool▁calls▁begin｜>", ("<think>", "</think>")),
        ("<|user|>{{ m }}<|end|><|assistant|>", "{", None),
        ("plain", "{", None),
        ("", "{", None),
    ],
)
def test_what_a_template_says_of_replies(
    source: str, tag: str, thinking: tuple[str, str] | None
) -> None:
    assert (jinja_tool_tag(source), jinja_thinking_tags(source)) == (tag, thinking)


@pytest.mark.parametrize(
    ("go", "jinja", "found"),
    [
        (None, None, []),
        (None, "plain", []),
        (None, "{% if tools %}", ["tools"]),
        (None, "message.tool_calls </think>", ["tools", "thinking"]),
        (templates.CHATML, "{% if tools %}</think>", []),
        (templates.QWEN25, None, ["tools", "insert"]),
        (templates.LLAMA3, None, ["tools"]),
        (templates.CODELLAMA, None, ["insert"]),
        (templates.DEEPSEEK_R1, None, ["thinking"]),
        ("{{ .Thinking }}", None, []),
        ("{{ .Thinking ", None, []),
    ],
)
def test_abilities(go: str | None, jinja: str | None, found: list[str]) -> None:
    assert abilities(go, jinja) == found
