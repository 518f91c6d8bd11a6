"""Tool calls and tools between the two APIs: arguments are a JSON text here, an object there."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from backend.errors import BadRequest
from backend.web.wire import dump


def to_ollama(calls: Any) -> list[dict[str, Any]]:
    """An assistant message's `tool_calls` in Ollama's shape; raises BadRequest."""
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        raise BadRequest("invalid tool calls")
    return [_call(index, call) for index, call in enumerate(calls)]


def _call(index: int, call: Mapping[str, Any]) -> dict[str, Any]:
    function = call.get("function")
    if not isinstance(function, dict):
        raise BadRequest("invalid tool calls: a call lacks its function")
    return ollama_call(
        index, call.get("id"), function.get("name"), arguments(function.get("arguments"))
    )


def ollama_call(index: int, id_: Any, name: Any, found: dict[str, Any]) -> dict[str, Any]:
    """One call as Ollama's messages hold it; raises BadRequest where it has no name."""
    if not isinstance(name, str) or not name:
        raise BadRequest("invalid tool calls: a call lacks its function's name")
    shown: dict[str, Any] = {"id": id_} if isinstance(id_, str) and id_ else {}
    return {**shown, "function": {"index": index, "name": name, "arguments": found}}


def arguments(text: Any) -> dict[str, Any]:
    """The object that a call's `arguments` text spells; no text is no arguments."""
    if text is None or text == "":
        return {}
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError) as error:
        raise BadRequest("invalid tool call arguments") from error
    if not isinstance(found, dict):
        raise BadRequest("invalid tool call arguments")
    return found


def name_of(messages: Iterable[Any], call_id: Any) -> str:
    """The function that the latest call with this id named; "" where there is none."""
    found = ""
    for message in messages:
        for call in message.get("tool_calls") or ():
            if call.get("id") == call_id:
                found = call["function"]["name"]
    return found


def from_ollama(calls: Sequence[Mapping[str, Any]], first: int = 0) -> list[dict[str, Any]]:
    """The calls of an answer in OpenAI's shape, numbered on from `first`."""
    return [
        {
            "id": call.get("id", ""),
            "index": index,
            "type": "function",
            "function": {
                "name": call["function"]["name"],
                "arguments": arguments_text(call["function"].get("arguments")),
            },
        }
        for index, call in enumerate(calls, first)
    ]


def arguments_text(found: Any) -> str:
    """A call's arguments as the JSON text that OpenAI's clients parse."""
    return dump(found or {}).decode()
