"""POST /v1/chat/completions: Ollama's answer as OpenAI's, whole or chunk by chunk."""

from collections.abc import Mapping
from typing import Any

from backend.openai import tool_calls
from backend.openai.naming import FINGERPRINT, Naming, finish_reason, usage
from backend.web.wire import present

Choice = dict[str, Any]


def completion(answer: Mapping[str, Any], naming: Naming) -> dict[str, Any]:
    """The whole answer."""
    said = answer["message"]
    calls = tool_calls.from_ollama(said.get("tool_calls", ()))
    message = {"role": "assistant", "content": said.get("content", "")}
    message |= present({"reasoning": said.get("thinking"), "tool_calls": calls})
    choice: Choice = {
        "index": 0,
        "message": message,
        "finish_reason": finish_reason(answer, called=bool(calls)),
    }
    return {
        "id": naming.id,
        "object": "chat.completion",
        "created": naming.created,
        "model": answer["model"],
        "system_fingerprint": FINGERPRINT,
        "choices": [choice | _logprobs(answer)],
        "usage": usage(answer),
        **present({"_debug_info": answer.get("_debug_info")}),
    }


class ChatStream:
    """Turns the objects of one answer into its chunks; remembers what was said before."""

    def __init__(self, naming: Naming, *, include_usage: bool) -> None:
        self._naming, self._include_usage = naming, include_usage
        self._role: dict[str, Any] = {"role": "assistant", "content": ""}  # first delta only
        self._calls = 0

    def chunks(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The chunks for one object: thinking and text apart, the end by itself."""
        said = answer["message"]
        calls = tool_calls.from_ollama(said.get("tool_calls", ()), self._calls)
        self._calls += len(calls)
        thinking = present({"reasoning": said.get("thinking")})
        rest = present({"content": said.get("content"), "tool_calls": calls})
        deltas = [delta for delta in (thinking, rest) if delta]
        logprobs = _logprobs(answer)
        # A token without a text of its own (half a character) still has its logprobs, and an
        # empty reply still has its role.
        if not deltas and (logprobs or (self._role and answer["done"])):
            deltas.append({"content": ""})
        chunks = [self._chunk(answer["model"], self._delta(delta)) for delta in deltas]
        if chunks:
            chunks[-1]["choices"][0] |= logprobs
        return chunks + (self._ending(answer) if answer["done"] else [])

    def _delta(self, delta: dict[str, Any]) -> dict[str, Any]:
        first, self._role = self._role, {}
        return {**first, **delta}

    def _chunk(self, model: str, delta: dict[str, Any], finish: str | None = None) -> Choice:
        return self._frame(model, [{"index": 0, "delta": delta, "finish_reason": finish}])

    def _ending(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        model = answer["model"]
        chunks = [self._chunk(model, {}, finish_reason(answer, called=self._calls > 0))]
        if self._include_usage:
            chunks.append(self._frame(model, []) | {"usage": usage(answer)})
        return chunks

    def _frame(self, model: str, choices: list[Choice]) -> dict[str, Any]:
        return {
            "id": self._naming.id,
            "object": "chat.completion.chunk",
            "created": self._naming.created,
            "model": model,
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        }


def _logprobs(answer: Mapping[str, Any]) -> dict[str, Any]:
    if not answer.get("logprobs"):
        return {}
    content = [{**one, "top_logprobs": one.get("top_logprobs", [])} for one in answer["logprobs"]]
    return {"logprobs": {"content": content, "refusal": None}}
