"""POST /v1/messages: the request as Ollama's /api/chat."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from backend.answers.requests import ChatRequest, parse
from backend.anthropic.blocks import messages_of, system_text
from backend.errors import BadRequest


class MessagesRequest(BaseModel):
    """The fields that this server honours; the others of Anthropic's are passed over."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, protected_namespaces=())

    model: str = ""
    max_tokens: int = 0
    messages: list[Any] = Field(default_factory=list)
    system: Any = None
    stream: bool = False
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] = Field(default_factory=list)
    tools: list[dict[str, Any]] = Field(default_factory=list)
    tool_choice: dict[str, Any] = Field(default_factory=dict)
    thinking: dict[str, Any] = Field(default_factory=dict)
    output_config: dict[str, Any] = Field(default_factory=dict)


def chat_request(asked: MessagesRequest) -> ChatRequest:
    """The same request to /api/chat; raises BadRequest."""
    if not asked.model.strip():
        raise BadRequest("model is required")
    if asked.max_tokens <= 0:
        raise BadRequest("max_tokens is required and must be positive")
    if not asked.messages:
        raise BadRequest("messages is required")
    system = system_text(asked.system)
    before = [{"role": "system", "content": system}] if system else []
    without = asked.tool_choice.get("type") == "none"
    return parse(
        ChatRequest,
        {
            "model": asked.model,
            "messages": [*before, *messages_of(asked.messages)],
            "options": _options(asked),
            "stream": asked.stream,
            "tools": [] if without else [_tool(tool) for tool in asked.tools],
            "think": _think(asked),
        },
    )


def _options(asked: MessagesRequest) -> dict[str, Any]:
    found = {
        "num_predict": asked.max_tokens,
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "top_k": asked.top_k,
        "stop": asked.stop_sequences or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    if tool.get("type", "custom") != "custom":
        raise BadRequest(f"unsupported tool type {tool['type']!r}: nothing here reaches the web")
    shown = {name: tool[name] for name in ("name", "description") if tool.get(name)}
    if tool.get("input_schema"):
        shown["parameters"] = tool["input_schema"]
    return {"type": "function", "function": shown}


def _think(asked: MessagesRequest) -> bool | str | None:
    kind = asked.thinking.get("type")
    if kind in ("enabled", "disabled"):
        return bool(kind == "enabled")
    effort = asked.output_config.get("effort")
    if effort in ("low", "medium", "high", "max"):
        return str(effort)
    return "high" if effort == "xhigh" else None
