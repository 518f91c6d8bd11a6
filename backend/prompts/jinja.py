"""Ollama's messages and tools in the form that llama.cpp's Jinja templates are given.

That is OpenAI's: the arguments of a call are JSON text, a tool's result names its call.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from backend.prompts.conversation import Conversation, Message


def template_request(conversation: Conversation) -> dict[str, Any]:
    """The body of llama.cpp's `/apply-template`; `think` left open leaves it to the template."""
    body: dict[str, Any] = {"messages": [_message(one) for one in conversation.messages]}
    if conversation.tools:
        body["tools"] = [_tool(one) for one in conversation.tools]
    think = conversation.think
    # llama.cpp refuses to continue an assistant's message while thinking is enabled
    prefill = bool(conversation.messages) and conversation.messages[-1]["role"] == "assistant"
    if think is not None or prefill:
        wanted = bool(think) and not prefill
        kwargs: dict[str, Any] = {"enable_thinking": wanted, "thinking": wanted}
        if isinstance(think, str):
            kwargs["reasoning_effort"] = think
        body["chat_template_kwargs"] = kwargs
    return body


def _message(message: Message) -> dict[str, Any]:
    shown: dict[str, Any] = {"role": message["role"], "content": message.get("content") or ""}
    if message.get("thinking"):
        shown["reasoning_content"] = message["thinking"]
    calls = message.get("tool_calls")
    if calls:
        shown["tool_calls"] = [_call(call, index) for index, call in enumerate(calls)]
    for ours, theirs in (("tool_name", "name"), ("tool_call_id", "tool_call_id")):
        if message.get(ours):
            shown[theirs] = message[ours]
    return shown


def _call(call: Mapping[str, Any], index: int) -> dict[str, Any]:
    function = call.get("function") or {}
    arguments = function.get("arguments") or {}
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {
        "id": call.get("id") or f"call_{index:08d}",
        "type": "function",
        "function": {"name": str(function.get("name") or ""), "arguments": text},
    }


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = tool.get("function") or {}
    return {
        "type": "function",
        "function": {
            "name": str(function.get("name") or ""),
            "description": str(function.get("description") or ""),
            "parameters": function.get("parameters") or {"type": "object", "properties": {}},
        },
    }


THINKING_TAGS: Sequence[tuple[str, str]] = (
    ("<think>", "</think>"),
    ("<seed:think>", "</seed:think>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("[THINK]", "[/THINK]"),
    ("<reasoning>", "</reasoning>"),
)
TOOL_TAGS: Sequence[str] = (
    "<tool_call>",
    "<|tool_call|>",
    "[TOOL_CALLS]",
    "<|python_tag|>",
    "<｜tool▁calls▁begin｜>",
    "<function=",
    "<|START_ACTION|>",
    "<|action_start|>",
    "functools[",
)


def jinja_thinking_tags(source: str) -> tuple[str, str] | None:
    """The tags around thinking that a Jinja template names, None where it names none."""
    return next((tags for tags in THINKING_TAGS if tags[1] in source), None)


def jinja_tool_tag(source: str) -> str:
    """The text that opens a tool call in a Jinja template's replies, an opening brace if unknown.

    The first of the table wins: a template that wraps `<function=` in `<tool_call>` is read by
    the outer tag.
    """
    return next((tag for tag in TOOL_TAGS if tag in source), "{")
