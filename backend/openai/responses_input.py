"""The `input` of a response: a text, or a list of items, as Ollama's messages."""

from collections.abc import Mapping
from typing import Any

from backend.errors import BadRequest
from backend.openai import tool_calls
from backend.openai.images import base64_image
from backend.openai.messages import ollama_role

Message = dict[str, Any]


def messages_of(given: Any) -> list[Message]:
    """The messages in order; raises BadRequest."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise BadRequest("invalid input: send a text or a list of items")
    reader = _Reader()
    for item in given:
        reader.read(item)
    return reader.finished()


class _Reader:
    """Puts together what items tell apart: thinking, text and calls of one turn are one message."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._thinking = ""

    def read(self, item: Any) -> None:
        if not isinstance(item, dict):
            raise BadRequest("invalid input item: it is not an object")
        kind = item.get("type") or ("message" if "role" in item else None)
        if kind == "message":
            self._add(ollama_role(item.get("role", "")), **_content(item.get("content")))
        elif kind == "reasoning":
            self._thinking += _thought(item)
        elif kind == "function_call":
            self._call(item)
        elif kind == "function_call_output":
            self._answer(item)
        else:
            raise BadRequest(f"unknown input item type: {kind!r}")

    def finished(self) -> list[Message]:
        if self._thinking:
            self._add("assistant", content="")
        return self._messages

    def _add(self, role: str, **said: Any) -> None:
        message = {"role": role, **said}
        if role == "assistant" and self._thinking:
            message["thinking"], self._thinking = self._thinking, ""
        self._messages.append(message)

    def _call(self, item: Mapping[str, Any]) -> None:
        if self._thinking or not self._messages or self._messages[-1]["role"] != "assistant":
            self._add("assistant", content="")
        calls = self._messages[-1].setdefault("tool_calls", [])
        found = tool_calls.arguments(item.get("arguments"))
        calls.append(
            tool_calls.ollama_call(len(calls), item.get("call_id"), item.get("name"), found)
        )

    def _answer(self, item: Mapping[str, Any]) -> None:
        id_ = item.get("call_id")
        if not isinstance(id_, str):
            raise BadRequest("invalid input item: a function_call_output lacks its call_id")
        name = tool_calls.name_of(self._messages, id_)
        self._add("tool", **_content(item.get("output")), tool_call_id=id_, tool_name=name)


def _thought(item: Mapping[str, Any]) -> str:
    """What was thought: our own replies carry it in the summary."""
    parts = item.get("summary")
    texts = [part.get("text") for part in parts or () if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _content(content: Any) -> dict[str, Any]:
    if isinstance(content, str):
        return {"content": content}
    if not isinstance(content, list):
        raise BadRequest("invalid input item: its content is neither a text nor a list")
    texts: list[str] = []
    images: list[str] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in ("input_text", "output_text", "text") and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind == "input_image":
            images.append(base64_image(part.get("image_url")))
        else:
            raise BadRequest(f"unsupported content type: {kind!r}")
    return {"content": "".join(texts)} | ({"images": images} if images else {})
