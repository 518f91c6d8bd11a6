"""The JSON of llama.cpp's native server, to and from our own records (llama.cpp b11434)."""

import base64
from collections.abc import Mapping
from typing import Any

from backend.engine.runner import Completion, Finish, Logprob, Piece

# Else the last event has all settings and the whole prompt as text again: 6 KB for 1,000 tokens.
_LAST_FIELDS = ("content", "tokens", "stop", "stop_type", "timings")
# llguidance passes over what it does not know, as Ollama does; else it would refuse, and llama.cpp
# then answers free of any constraint (uniqueItems, not, if, unknown formats, overlapping oneOf).
_LENIENT = {"x-guidance": {"lenient": True}}


def completion_body(request: Completion) -> dict[str, Any]:
    """The body of POST /completion; everything is sent, so no default of llama.cpp's applies."""
    sampling = request.sampling
    body: dict[str, Any] = {
        "prompt": _prompt(request),
        "stream": True,
        "cache_prompt": True,
        "return_tokens": True,
        "n_predict": request.max_tokens,
        "n_keep": sampling.num_keep,
        "seed": sampling.seed,
        "temperature": sampling.temperature,
        "top_k": sampling.top_k,
        "top_p": sampling.top_p,
        "min_p": sampling.min_p,
        "typical_p": sampling.typical_p,
        "repeat_last_n": sampling.repeat_last_n,
        "repeat_penalty": sampling.repeat_penalty,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "stop": [text for text in sampling.stop if text],  # an empty one would end every reply
        "preserved_tokens": list(request.preserved),
        "response_fields": list(_LAST_FIELDS),
    }
    if request.json_schema is not None:
        body["json_schema"] = {**request.json_schema, **_LENIENT}
    if request.top_logprobs is not None:
        body["n_probs"] = max(request.top_logprobs, 1)
    return body


def _prompt(request: Completion) -> list[int] | dict[str, Any]:
    if not request.images:
        return list(request.prompt)
    encoded = [base64.b64encode(image).decode() for image in request.images]
    return {"prompt_string": request.text, "multimodal_data": encoded}


def read_piece(event: Mapping[str, Any], request: Completion) -> Piece:
    """A step of the stream, its end included."""
    return Piece(
        text=event.get("content") or "",
        tokens=tuple(event.get("tokens") or ()),
        logprobs=_logprobs(event, request),
        finish=_finish(event) if event.get("stop") else None,
    )


def error_text(event: Mapping[str, Any]) -> str | None:
    """The sentence of an error event or body, if it is one."""
    error = event.get("error")
    if isinstance(error, Mapping):
        return str(error.get("message") or error)
    return str(error) if error else None


def _finish(event: Mapping[str, Any]) -> Finish:
    timings = event.get("timings") or {}
    return Finish(
        reason="length" if event.get("stop_type") == "limit" else "stop",
        prompt_tokens=int(timings.get("cache_n", 0)) + int(timings.get("prompt_n", 0)),
        prompt_ns=int(timings.get("prompt_ms", 0.0) * 1e6),
        tokens=int(timings.get("predicted_n", 0)),
        tokens_ns=int(timings.get("predicted_ms", 0.0) * 1e6),
    )


def _logprobs(event: Mapping[str, Any], request: Completion) -> tuple[Logprob, ...]:
    if request.top_logprobs is None or event.get("stop"):
        return ()
    return tuple(
        _logprob(entry, request.top_logprobs)
        for entry in event.get("completion_probabilities") or ()
    )


def _logprob(entry: Mapping[str, Any], top: int) -> Logprob:
    others = (entry.get("top_logprobs") or ())[:top]
    return Logprob(
        token=entry.get("token") or "",
        logprob=float(entry.get("logprob") or 0.0),
        bytes=tuple(entry.get("bytes") or ()),
        top=tuple(_logprob(other, 0) for other in others),
    )
