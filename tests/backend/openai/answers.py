"""Ollama's answer objects, as the translators get them."""

from typing import Any


def chunk(
    content: str = "",
    *,
    thinking: str = "",
    calls: list[dict[str, Any]] | None = None,
    logprobs: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """A middle object of a chat."""
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if thinking:
        message["thinking"] = thinking
    if calls:
        message["tool_calls"] = calls
    shown = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": False}
    return shown | ({"logprobs": logprobs} if logprobs else {})


def last(reason: str = "stop", **said: Any) -> dict[str, Any]:
    """The last object of a chat: 7 tokens of prompt, 3 of reply."""
    counts = {"prompt_eval_count": 7, "eval_count": 3}
    return chunk(**said) | {"done": True, "done_reason": reason, **counts}


def call(name: str = "add", **arguments: Any) -> dict[str, Any]:
    """A tool call of an answer."""
    function = {"index": 0, "name": name, "arguments": arguments}
    return {"id": f"call_{name}0001", "function": function}


def token(text: str, *others: str) -> dict[str, Any]:
    """A token's logprob, with that of others beside it."""
    alone = [{"token": one, "logprob": -1.5, "bytes": list(one.encode())} for one in others]
    shown = {"token": text, "logprob": -0.5, "bytes": list(text.encode())}
    return shown | ({"top_logprobs": alone} if alone else {})
