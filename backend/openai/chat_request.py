"""POST /v1/chat/completions: the request as Ollama's."""

from typing import Any

from pydantic import Field

from backend.answers.requests import ChatRequest, parse
from backend.errors import BadRequest
from backend.openai import messages
from backend.openai.effort import think
from backend.openai.sampling import SampledRequest


class ChatCompletionRequest(SampledRequest):
    """The fields that this server honours; the others of OpenAI's are passed over."""

    messages: list[Any] = Field(default_factory=list)
    max_completion_tokens: int | None = None
    response_format: dict[str, Any] | None = None
    tools: list[dict[str, Any]] = Field(default_factory=list)
    tool_choice: Any = None
    reasoning_effort: str | None = None
    reasoning: dict[str, Any] = Field(default_factory=dict)
    logprobs: bool = False
    top_logprobs: int = 0
    debug_render_only: bool = Field(default=False, alias="_debug_render_only")


def chat_request(asked: ChatCompletionRequest) -> ChatRequest:
    """The same request to /api/chat; raises BadRequest."""
    if not asked.messages:
        raise BadRequest("[] is too short - 'messages'")
    options = asked.options()
    if asked.max_completion_tokens is not None:
        options["num_predict"] = asked.max_completion_tokens
    return parse(
        ChatRequest,
        {
            "model": asked.model,
            "messages": messages.to_ollama(asked.messages),
            "options": options,
            "stream": asked.stream,
            # The engine cannot be told to call a tool, but not to call one is easily done.
            "tools": [] if asked.tool_choice == "none" else asked.tools,
            "format": ollama_format(asked.response_format),
            "think": think(asked.reasoning.get("effort") or asked.reasoning_effort),
            "logprobs": asked.logprobs,
            "top_logprobs": asked.top_logprobs,
            "_debug_render_only": asked.debug_render_only,
        },
    )


def ollama_format(asked: dict[str, Any] | None) -> str | dict[str, Any]:
    """Ollama's `format` for a `response_format`: "", "json" or a schema; raises BadRequest."""
    kind = (asked or {}).get("type", "text")
    if kind == "text":
        return ""
    if kind == "json_object":
        return "json"
    inner = (asked or {}).get("json_schema")
    schema = inner.get("schema") if isinstance(inner, dict) else None
    if kind != "json_schema" or not isinstance(schema, dict):
        raise BadRequest(
            "invalid response_format: its type is text, json_object, "
            "or json_schema with an object under json_schema.schema"
        )
    return schema
