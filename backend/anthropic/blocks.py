"""The content blocks of Anthropic's messages, as Ollama's messages."""

from collections.abc import Mapping
from typing import Any

from backend.errors import BadRequest

Message = dict[str, Any]


def system_text(system: Any) -> str:
    """The system prompt: a text, or blocks of text."""
    if isinstance(system, str):
        return system
    blocks = system if isinstance(system, list) else []
    return "".join(str(one.get("text", "")) for one in blocks if _kind(one) == "text")


def messages_of(messages: list[Any]) -> list[Message]:
    """The messages in order; a result of a tool is a message of its own. Raises BadRequest."""
    found: list[Message] = []
    names: dict[str, str] = {}
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadRequest("invalid message: it lacks a role")
        found += _messages(message["role"].lower(), _blocks(message.get("content")), names)
    return found


def _blocks(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise BadRequest("invalid message: its content is neither a text nor a list of blocks")
    return content


def _messages(role: str, blocks: list[Any], names: dict[str, str]) -> list[Message]:
    results: list[Message] = []
    said: Message = {"role": role, "content": ""}
    for block in blocks:
        kind = _kind(block)
        if kind == "tool_result":
            results.append(_result(block, names))
        elif kind == "tool_use":
            said.setdefault("tool_calls", []).append(_call(block, said, names))
        else:
            _add(said, block, kind)
    return [*results, said] if said != {"role": role, "content": ""} or not results else results


def _add(said: Message, block: Mapping[str, Any], kind: str) -> None:
    if kind == "text" and isinstance(block.get("text"), str):
        said["content"] += block["text"]
    elif kind == "thinking" and isinstance(block.get("thinking"), str):
        said["thinking"] = block["thinking"]
    elif kind == "image":
        said.setdefault("images", []).append(_image(block.get("source")))
    elif kind not in ("redacted_thinking",):
        raise BadRequest(f"unsupported content block: {kind!r}")


def _call(block: Mapping[str, Any], said: Message, names: dict[str, str]) -> dict[str, Any]:
    id_, name, given = block.get("id"), block.get("name"), block.get("input", {})
    for field, value in (("id", id_), ("name", name)):
        if not isinstance(value, str) or not value:
            raise BadRequest(f"tool_use block missing required '{field}' field")
    if not isinstance(given, dict):
        raise BadRequest("the input of a tool_use block is not an object")
    names[str(id_)] = str(name)
    index = len(said.get("tool_calls", ()))
    return {"id": id_, "function": {"index": index, "name": name, "arguments": given}}


def _result(block: Mapping[str, Any], names: dict[str, str]) -> Message:
    id_ = block.get("tool_use_id")
    if not isinstance(id_, str):
        raise BadRequest("tool_result block missing required 'tool_use_id' field")
    told: Message = {"content": ""}
    for part in _blocks(block.get("content", "")):
        _add(told, part, _kind(part))
    return {"role": "tool", **told, "tool_call_id": id_, "tool_name": names.get(id_, "")}


def _image(source: Any) -> str:
    data = source.get("data") if isinstance(source, dict) else None
    if not isinstance(source, dict) or source.get("type") != "base64" or not isinstance(data, str):
        raise BadRequest("invalid image source: only base64 images are supported, no links")
    return data


def _kind(block: Any) -> str:
    kind = block.get("type") if isinstance(block, dict) else None
    return kind if isinstance(kind, str) else ""
