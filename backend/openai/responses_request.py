"""POST /v1/responses: the request as Ollama's. Nothing is kept between two requests."""

from typing import Any

from pydantic import Field

from backend.answers.requests import ChatRequest, parse
from backend.errors import BadRequest
from backend.openai.effort import think
from backend.openai.responses_input import messages_of
from backend.openai.sampling import OpenAIBody


class ResponsesRequest(OpenAIBody):
    """The fields that this server honours, and those that it refuses as it keeps no state."""

    input: Any = None
    instructions: str = ""
    stream: bool = False
    max_output_tokens: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    reasoning: dict[str, Any] = Field(default_factory=dict)
    text: dict[str, Any] = Field(default_factory=dict)
    tools: list[dict[str, Any]] = Field(default_factory=list)
    tool_choice: Any = "auto"
    truncation: str = "disabled"
    metadata: dict[str, Any] = Field(default_factory=dict)
    previous_response_id: str | None = None
    conversation: Any = None
    background: bool = False

    @property
    def format(self) -> dict[str, Any]:
        """`text.format`, or the plain one where it is left out."""
        found = self.text.get("format")
        return found if isinstance(found, dict) else {"type": "text"}


def chat_request(asked: ResponsesRequest) -> ChatRequest:
    """The same request to /api/chat; raises BadRequest."""
    _refuse_state(asked)
    messages = messages_of(asked.input)
    if asked.instructions:
        messages.insert(0, {"role": "system", "content": asked.instructions})
    options = {"temperature": asked.temperature, "top_p": asked.top_p}
    if asked.max_output_tokens is not None:
        options["num_predict"] = asked.max_output_tokens
    tools = [] if asked.tool_choice == "none" else [_tool(tool) for tool in asked.tools]
    body = {
        "model": asked.model,
        "messages": messages,
        "options": options,
        "stream": asked.stream,
        "tools": tools,
        "format": _format(asked.format),
        "think": think(asked.reasoning.get("effort")),
    }
    return parse(ChatRequest, body)


def _refuse_state(asked: ResponsesRequest) -> None:
    kept = {
        "previous_response_id": asked.previous_response_id,
        "conversation": asked.conversation,
        "background": asked.background,
    }
    for name, value in kept.items():
        if value:
            raise BadRequest(f"{name} is not supported: this server keeps no responses")


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    if tool.get("type") != "function":
        raise BadRequest(
            f"unsupported tool type {tool.get('type')!r}: only functions can be called"
        )
    shown = {name: tool[name] for name in ("name", "description", "parameters") if tool.get(name)}
    return {"type": "function", "function": shown}


def _format(asked: dict[str, Any]) -> str | dict[str, Any]:
    kind, schema = asked.get("type", "text"), asked.get("schema")
    if kind == "json_schema" and isinstance(schema, dict):
        return schema
    if kind in ("text", "json_object"):
        return "json" if kind == "json_object" else ""
    raise BadRequest(
        "invalid text.format: its type is text, json_object, "
        "or json_schema with an object under schema"
    )
