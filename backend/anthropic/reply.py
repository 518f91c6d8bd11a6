"""POST /v1/messages: Ollama's answer as Anthropic's message, whole or event by event."""

from collections.abc import Iterator, Mapping
from typing import Any

from backend.anthropic.errors import error_body
from backend.web.wire import dump

Event = dict[str, Any]


def message(answer: Mapping[str, Any], id_: str) -> dict[str, Any]:
    """The whole answer."""
    said = answer["message"]
    content: list[dict[str, Any]] = []
    if said.get("thinking"):
        content.append(_empty("thinking") | {"thinking": said["thinking"]})
    if said.get("content"):
        content.append({"type": "text", "text": said["content"]})
    calls = said.get("tool_calls", ())
    content += [_use(call) | {"input": call["function"].get("arguments") or {}} for call in calls]
    reason = _stop_reason(answer, called=bool(calls))
    return _message(answer["model"], id_, content) | {
        "stop_reason": reason,
        "usage": _usage(answer),
    }


class MessageStream:
    """Turns the objects of one answer into events; one content block is open at a time."""

    def __init__(self, id_: str) -> None:
        self._id = id_
        self._started = False
        self._open: str | None = None
        self._index = 0
        self._called = False

    def events(self, answer: Mapping[str, Any]) -> Iterator[Event]:
        """The events for one object."""
        if not self._started:
            self._started = True
            yield {"type": "message_start", "message": _message(answer["model"], self._id, [])}
        said = answer["message"]
        if said.get("thinking"):
            delta = {"type": "thinking_delta", "thinking": said["thinking"]}
            yield from self._say("thinking", delta)
        if said.get("content"):
            yield from self._say("text", {"type": "text_delta", "text": said["content"]})
        for call in said.get("tool_calls", ()):
            yield from self._use(call)
        if answer["done"]:
            yield from self._end(answer)

    def failed(self, sentence: str, status: int) -> list[Event]:
        """The event that ends a stream which broke off."""
        return [error_body(sentence, status)]

    def _say(self, kind: str, delta: dict[str, Any]) -> Iterator[Event]:
        if self._open != kind:
            yield from self._close()
            yield from self._begin(kind, _empty(kind))
        yield self._at("content_block_delta", delta=delta)

    def _use(self, call: Mapping[str, Any]) -> Iterator[Event]:
        yield from self._close()
        self._called = True
        yield from self._begin("tool_use", _use(call))
        text = dump(call["function"].get("arguments") or {}).decode()
        delta = {"type": "input_json_delta", "partial_json": text}
        yield self._at("content_block_delta", delta=delta)
        yield from self._close()

    def _begin(self, kind: str, block: dict[str, Any]) -> Iterator[Event]:
        self._open = kind
        yield self._at("content_block_start", content_block=block)

    def _close(self) -> Iterator[Event]:
        if self._open is not None:
            yield self._at("content_block_stop")
            self._index, self._open = self._index + 1, None

    def _end(self, answer: Mapping[str, Any]) -> Iterator[Event]:
        yield from self._close()
        reason = _stop_reason(answer, called=self._called)
        delta = {"stop_reason": reason, "stop_sequence": None}
        yield {"type": "message_delta", "delta": delta, "usage": _usage(answer)}
        yield {"type": "message_stop"}

    def _at(self, kind: str, **more: Any) -> Event:
        return {"type": kind, "index": self._index, **more}


def _message(model: str, id_: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": id_,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},  # known at the end only
    }


def _empty(kind: str) -> dict[str, Any]:
    if kind == "thinking":
        return {"type": kind, "thinking": "", "signature": ""}
    return {"type": kind, "text": ""}


def _use(call: Mapping[str, Any]) -> dict[str, Any]:
    name = call["function"]["name"]
    return {"type": "tool_use", "id": call.get("id", ""), "name": name, "input": {}}


def _stop_reason(answer: Mapping[str, Any], *, called: bool) -> str:
    if called:
        return "tool_use"
    return "max_tokens" if answer.get("done_reason") == "length" else "end_turn"


def _usage(answer: Mapping[str, Any]) -> dict[str, int]:
    return {
        "input_tokens": answer.get("prompt_eval_count", 0),
        "output_tokens": answer.get("eval_count", 0),
    }
