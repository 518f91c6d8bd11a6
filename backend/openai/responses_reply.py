"""POST /v1/responses: Ollama's answer as OpenAI's events, in their order; the whole is the last.

response.created, response.in_progress
for each item (reasoning, message, function_call): output_item.added, its parts and
deltas, their ends, output_item.done
response.completed
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from backend.openai import tool_calls
from backend.openai.naming import Naming, usage
from backend.openai.responses_items import Call, Item, Message, Reasoning
from backend.openai.responses_request import ResponsesRequest

Event = dict[str, Any]


class ResponseStream:
    """Turns the objects of one answer into events; one item is open at a time."""

    def __init__(self, asked: ResponsesRequest, naming: Naming) -> None:
        self._asked, self._naming = asked, naming
        self._done: list[dict[str, Any]] = []
        self._open: Item | None = None
        self._sent = 0

    def events(self, answer: Mapping[str, Any]) -> list[Event]:
        """The events for one object, numbered on from those before."""
        return [self._numbered(event) for event in self._events(answer)]

    def failed(self, sentence: str, _: int) -> list[Event]:
        """The event that ends a stream which broke off."""
        error = {"code": "server_error", "message": sentence}
        response = self._response("failed") | {"error": error}
        return [self._numbered({"type": "response.failed", "response": response})]

    def whole(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The response that a whole answer makes."""
        response: dict[str, Any] = self.events(answer)[-1]["response"]
        return response

    def _events(self, answer: Mapping[str, Any]) -> Iterator[Event]:
        if not self._sent:
            for kind in ("response.created", "response.in_progress"):
                yield {"type": kind, "response": self._response("in_progress")}
        said = answer["message"]
        if said.get("thinking"):
            yield from self._say(Reasoning, said["thinking"])
        if said.get("content"):
            yield from self._say(Message, said["content"])
        for call in said.get("tool_calls", ()):
            yield from self._call(call)
        if answer["done"]:
            yield from self._end(answer)

    def _say(self, kind: type[Reasoning | Message], text: str) -> Iterator[Event]:
        if not isinstance(self._open, kind):
            yield from self._close()
            yield from self._begin(kind(self._id(kind.prefix), len(self._done)))
        assert self._open is not None
        yield self._open.delta(text)

    def _call(self, call: Mapping[str, Any]) -> Iterator[Event]:
        function = call["function"]
        yield from self._close()
        item = Call(self._id("fc"), len(self._done), call.get("id", ""), function["name"])
        yield from self._begin(item)
        yield item.delta(tool_calls.arguments_text(function.get("arguments")))
        yield from self._close()

    def _begin(self, item: Item) -> Iterator[Event]:
        self._open = item
        yield from item.begin()

    def _close(self) -> Iterator[Event]:
        if self._open is not None:
            yield from self._open.end()
            self._done.append(self._open.shown("completed"))
            self._open = None

    def _end(self, answer: Mapping[str, Any]) -> Iterator[Event]:
        if self._open is None and not self._done:
            yield from self._begin(Message(self._id("msg"), 0))  # an empty reply is one too
        yield from self._close()
        counts = usage(answer)
        response = self._response("completed") | {
            "completed_at": int(time.time()),
            "usage": {
                "input_tokens": counts["prompt_tokens"],
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": counts["completion_tokens"],
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": counts["total_tokens"],
            },
        }
        if answer.get("done_reason") == "length":
            # The status stays "completed", as with Ollama; the reason can still be read.
            response["incomplete_details"] = {"reason": "max_output_tokens"}
        yield {"type": "response.completed", "response": response}

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self._naming.id.removeprefix('resp_')}_{len(self._done)}"

    def _numbered(self, event: Event) -> Event:
        number, self._sent = self._sent, self._sent + 1
        return {**event, "sequence_number": number}

    def _response(self, status: str) -> dict[str, Any]:
        asked = self._asked
        effort, summary = asked.reasoning.get("effort"), asked.reasoning.get("summary")
        return {
            "id": self._naming.id,
            "object": "response",
            "created_at": self._naming.created,
            "completed_at": None,
            "status": status,
            "incomplete_details": None,
            "model": asked.model,
            "previous_response_id": None,
            "instructions": asked.instructions or None,
            "output": list(self._done),
            "error": None,
            "tools": asked.tools,
            "tool_choice": asked.tool_choice,
            "truncation": asked.truncation,
            "parallel_tool_calls": True,
            "text": {"format": asked.format},
            "top_p": asked.top_p,
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "top_logprobs": 0,
            "temperature": asked.temperature,
            "reasoning": {"effort": effort, "summary": summary} if effort or summary else None,
            "usage": None,
            "max_output_tokens": asked.max_output_tokens,
            "max_tool_calls": None,
            "store": False,
            "background": False,
            "service_tier": "default",
            "metadata": asked.metadata,
            "safety_identifier": None,
            "prompt_cache_key": None,
        }
