"""The request bodies of the routes, typed; wrong types get Ollama's kind of sentence."""

from typing import Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from backend.answers.bounded_schema import bounded
from backend.answers.images import decoded
from backend.answers.schema import check_schema
from backend.durations import parse_keep_alive
from backend.errors import BadRequest
from backend.web.wire import as_decoded

MAX_TOP_LOGPROBS = 20
THINK_LEVELS = ("high", "medium", "low", "max")


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, protected_namespaces=())


class ShowRequest(_Body):
    """POST /api/show; `name` is the old spelling of `model`."""

    model: str = ""
    name: str = ""
    system: str | None = None
    options: dict[str, Any] = {}
    verbose: bool = False


class _Running(_Body):
    model: str = ""
    options: dict[str, Any] = {}
    keep_alive: float | None = None

    @field_validator("keep_alive", mode="before")
    @classmethod
    def _seconds(cls, value: Any) -> float | None:
        return parse_keep_alive(value)


class _Generating(_Running):
    stream: bool = True
    format: str | dict[str, Any] = ""
    think: bool | str | None = None
    truncate: bool = True
    shift: bool = True
    logprobs: bool = False
    top_logprobs: int = 0
    debug_render_only: bool = Field(default=False, alias="_debug_render_only")

    def check(self) -> None:
        """What can be refused before the model is looked for; raises BadRequest."""
        if not 0 <= self.top_logprobs <= MAX_TOP_LOGPROBS:
            raise BadRequest("top_logprobs must be between 0 and 20")
        if isinstance(self.think, str) and self.think not in THINK_LEVELS:
            known = ", ".join(f'"{level}"' for level in THINK_LEVELS)
            raise BadRequest(
                f'invalid think value: "{self.think}" (must be {known}, true, or false)'
            )

    @property
    def json_schema(self) -> dict[str, Any] | None:
        """The schema that the answer must follow; raises BadRequest on another `format`."""
        if isinstance(self.format, dict):
            check_schema(self.format)
            return bounded(self.format)
        if self.format == "json":
            return {"type": "object"}
        if self.format:
            raise BadRequest(
                f'invalid format: "{self.format}"; expected "json" or a valid JSON Schema object'
            )
        return None

    @property
    def wanted_logprobs(self) -> int | None:
        """How many others stand beside each token's logprob; None for no logprobs at all."""
        return self.top_logprobs if self.logprobs else None


class GenerateRequest(_Generating):
    """POST /api/generate."""

    prompt: str = ""
    suffix: str = ""
    system: str | None = None
    template: str | None = None
    context: list[int] = []
    raw: bool = False
    images: list[bytes] = []

    @field_validator("images", mode="before")
    @classmethod
    def _images(cls, value: Any) -> Any:
        return decoded(value)

    def check(self) -> None:
        """Also: raw excludes what would shape the prompt."""
        super().check()
        if self.raw and (self.template or self.system or self.context):
            raise BadRequest("raw mode does not support template, system, or context")

    @property
    def has_images(self) -> bool:
        """Whether the prompt shows a picture."""
        return bool(self.images)


class Message(_Body):
    """One message of a chat; the role is lower-cased, unknown roles pass through."""

    role: str = ""
    content: str = ""
    thinking: str | None = None
    images: list[bytes] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None

    @field_validator("images", mode="before")
    @classmethod
    def _images(cls, value: Any) -> Any:
        return decoded(value)

    @field_validator("role")
    @classmethod
    def _lower(cls, value: str) -> str:
        return value.lower()

    @model_validator(mode="before")
    @classmethod
    def _decoded(cls, value: Any) -> Any:
        return as_decoded(value) if isinstance(value, dict) else value


class ChatRequest(_Generating):
    """POST /api/chat."""

    messages: list[Message] = []
    tools: list[dict[str, Any]] = []

    @property
    def has_images(self) -> bool:
        """Whether any message shows a picture."""
        return any(message.images for message in self.messages)


class EmbedRequest(_Running):
    """POST /api/embed."""

    input: Any = None
    truncate: bool = True
    dimensions: int = 0

    @property
    def inputs(self) -> list[str]:
        """The texts in order; raises BadRequest on anything that is not a text."""
        if self.input is None or self.input == "":
            return []
        if isinstance(self.input, str):
            return [self.input]
        if not isinstance(self.input, list) or not all(isinstance(x, str) for x in self.input):
            raise BadRequest("invalid input type")
        return self.input


class EmbeddingsRequest(_Running):
    """POST /api/embeddings, the older form: one text, one vector."""

    prompt: str = ""


class TokenizeRequest(_Running):
    """POST /api/tokenize, our extension: how many tokens a text is for this model."""

    content: str = ""
    add_special: bool = False


Body = TypeVar("Body", bound=BaseModel)


def parse(kind: type[Body], raw: dict[str, Any]) -> Body:
    """`raw` as that kind of request; raises BadRequest naming the field that is wrong."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
        sentence = f"json: cannot unmarshal into Go struct field {kind.__name__}.{where}"
        raise BadRequest(f"{sentence}: {first['msg']}") from error
