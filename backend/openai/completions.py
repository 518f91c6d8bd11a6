"""POST /v1/completions: a text continued, through the model's template like /api/generate."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from backend.answers.requests import GenerateRequest, parse
from backend.openai.naming import FINGERPRINT, Naming, finish_reason, usage
from backend.openai.sampling import SampledRequest


class CompletionRequest(SampledRequest):
    """The fields that this server honours; `logprobs` counts the others beside each token."""

    prompt: str = ""
    suffix: str = ""
    logprobs: int | None = None
    debug_render_only: bool = Field(default=False, alias="_debug_render_only")


def generate_request(asked: CompletionRequest) -> GenerateRequest:
    """The same request to /api/generate; raises BadRequest."""
    return parse(
        GenerateRequest,
        {
            "model": asked.model,
            "prompt": asked.prompt,
            "suffix": asked.suffix,
            "options": asked.options(),
            "stream": asked.stream,
            "logprobs": asked.logprobs is not None,
            "top_logprobs": asked.logprobs or 0,
            "_debug_render_only": asked.debug_render_only,
        },
    )


def completion(answer: Mapping[str, Any], naming: Naming) -> dict[str, Any]:
    """The whole answer."""
    shown = _frame(naming, answer["model"], [_choice(answer, 0)])
    debug = {"_debug_info": answer["_debug_info"]} if "_debug_info" in answer else {}
    return shown | {"usage": usage(answer)} | debug


class CompletionStream:
    """Turns the objects of one answer into its chunks."""

    def __init__(self, naming: Naming, *, include_usage: bool) -> None:
        self._naming, self._include_usage = naming, include_usage
        self._length = 0

    def chunks(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The chunk for one object; after the last one, the token counts if asked for."""
        chunks = [_frame(self._naming, answer["model"], [_choice(answer, self._length)])]
        self._length += len(answer["response"])
        if answer["done"] and self._include_usage:
            counted = _frame(self._naming, answer["model"], [])
            chunks.append(counted | {"usage": usage(answer)})
        return chunks


def _frame(naming: Naming, model: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": naming.id,
        "object": "text_completion",
        "created": naming.created,
        "model": model,
        "system_fingerprint": FINGERPRINT,
        "choices": choices,
    }


def _choice(answer: Mapping[str, Any], start: int) -> dict[str, Any]:
    choice = {
        "text": answer["response"],
        "index": 0,
        "finish_reason": finish_reason(answer, called=False) if answer["done"] else None,
    }
    return choice | _logprobs(answer.get("logprobs", []), start)


def _logprobs(tokens: list[dict[str, Any]], start: int) -> dict[str, Any]:
    """The lists of OpenAI's older API, and Ollama's own `content` beside them."""
    if not tokens:
        return {}
    offsets = []
    for token in tokens:
        offsets.append(start)
        start += len(token["token"])
    shown = {
        "tokens": [token["token"] for token in tokens],
        "token_logprobs": [token["logprob"] for token in tokens],
        "top_logprobs": [_others(token) for token in tokens],
        "text_offset": offsets,
        "content": tokens,
    }
    return {"logprobs": shown}


def _others(token: Mapping[str, Any]) -> dict[str, float]:
    return {other["token"]: other["logprob"] for other in token.get("top_logprobs", ())}
