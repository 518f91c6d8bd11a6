"""The messages of a chat completion, as Ollama's."""

from collections.abc import Iterable, Mapping
from typing import Any

from backend.errors import BadRequest
from backend.openai import tool_calls
from backend.openai.images import base64_image

PART_BREAK = "\n\n"  # as Ollama joins texts of one role that follow each other


def to_ollama(messages: Iterable[Any]) -> list[dict[str, Any]]:
    """Messages in Ollama's JSON shape, in order; raises BadRequest."""
    found: list[dict[str, Any]] = []
    for message in messages:
        if not isinstance(message, dict):
            raise BadRequest("invalid message format")
        found.append(_message(message, found))
    return found


def ollama_role(role: Any) -> str:
    """The role; what OpenAI calls the developer is the system."""
    if not isinstance(role, str):
        raise BadRequest("invalid message format: the role is not a text")
    return "system" if role.lower() == "developer" else role.lower()


def _message(message: Mapping[str, Any], before: list[dict[str, Any]]) -> dict[str, Any]:
    role, calls = ollama_role(message.get("role", "")), message.get("tool_calls")
    found: dict[str, Any] = {"role": role} | _content(message.get("content"), calls=bool(calls))
    thinking = message.get("reasoning") or message.get("reasoning_content")
    if isinstance(thinking, str):
        found["thinking"] = thinking
    if calls:
        found["tool_calls"] = tool_calls.to_ollama(calls)
    if role == "tool":
        found |= _answered(message, before)
    return found


def _content(content: Any, *, calls: bool) -> dict[str, Any]:
    if isinstance(content, str):
        return {"content": content}
    if isinstance(content, list):
        return _parts(content)
    if content is None and calls:
        return {"content": ""}
    raise BadRequest(f"invalid message content type: {type(content).__name__}")


def _parts(parts: list[Any]) -> dict[str, Any]:
    texts: list[str] = []
    images: list[str] = []
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in ("text", "refusal") and isinstance(part.get(kind), str):
            texts.append(part[kind])
        elif kind == "image_url":
            images.append(base64_image(part.get("image_url")))
        elif kind == "input_audio":
            raise BadRequest("audio input is not supported: no engine here hears")
        else:
            raise BadRequest("invalid message format")
    found: dict[str, Any] = {"content": PART_BREAK.join(texts)}
    return found | ({"images": images} if images else {})


def _answered(message: Mapping[str, Any], before: list[dict[str, Any]]) -> dict[str, Any]:
    id_ = message.get("tool_call_id")
    name = message.get("name") or tool_calls.name_of(before, id_)
    found = {"tool_call_id": id_, "tool_name": name}
    return {key: value for key, value in found.items() if isinstance(value, str) and value}
