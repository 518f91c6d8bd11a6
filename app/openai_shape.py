"""The OpenAI shapes: requests in, completions, chunks and errors out; no HTTP here.

Where an answer comes from documents, the field `ragstone` rides along: id, status, confidence,
sources and sentences of the native Answer. The text ends in a list of the cited sources.
"""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.answering.records import Answer, Source, Usage
from app.answering.words import is_cjk
from app.errors import InvalidRequest
from app.question_shape import LONGEST_QUESTION, Name, answer_json

RIDES_ALONG = ("id", "status", "confidence", "sources", "sentences", "timings", "dropped")


class Part(BaseModel):
    """A part of a message; only text is read."""

    model_config = ConfigDict(extra="allow")
    type: str = "text"
    text: str = ""


class Message(BaseModel):
    """One message of a chat."""

    model_config = ConfigDict(extra="allow")
    role: str
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """The message's words."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or () if part.type == "text")


class StreamOptions(BaseModel):
    """`include_usage`: one more chunk with the tokens."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """Chat completion; fields that have no meaning here are accepted and ignored."""

    model_config = ConfigDict(extra="allow")
    model: Name
    messages: list[Message] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    stop: str | list[str] | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """Stop strings as a tuple."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    def last_question(self) -> str:
        """Return the words of the last user message. Raises InvalidRequest where there is none."""
        for message in reversed(self.messages):
            if message.role == "user" and message.text.strip():
                question = message.text.strip()
                if len(question) > LONGEST_QUESTION:
                    raise InvalidRequest(
                        f"The last message is longer than {LONGEST_QUESTION} characters; "
                        "upload long texts as documents."
                    )
                return question
        raise InvalidRequest("There is no user message with text among `messages`.")


class EmbeddingsRequest(BaseModel):
    """Texts to embed."""

    model_config = ConfigDict(extra="allow")
    input: str | list[str]
    model: str = ""
    encoding_format: Literal["float", "base64"] = "float"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all parts of one completion share."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex[:24]}")
    created: int = field(default_factory=lambda: int(time.time()))

    def completion(self, content: str, usage: Usage, finish: str = "stop") -> dict[str, Any]:
        """Return a whole completion."""
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        return {**self._head("chat.completion"), "choices": [choice], "usage": usage_json(usage)}

    def chunk(self, delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
        """Return one part of a streamed completion."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def usage_chunk(self, usage: Usage) -> dict[str, Any]:
        """Return the chunk that only counts tokens."""
        return {
            **self._head("chat.completion.chunk"),
            "choices": [],
            "usage": usage_json(usage),
        }

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def usage_json(usage: Usage) -> dict[str, int]:
    """Return token counts in OpenAI's shape."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def ragstone_field(answer: Answer) -> dict[str, Any]:
    """Return what rides along with a completion: the checked part of the native Answer."""
    whole = answer_json(answer)
    return {name: whole[name] for name in RIDES_ALONG}


def shown_text(answer: Answer) -> str:
    """Return the answer and, under it, the sources it cites."""
    return answer.answer + footnotes(answer)


def footnotes(answer: Answer) -> str:
    """Return the list of cited sources as text, "" where there are none."""
    cited = [source for source in answer.sources if source.cited]
    if not cited:
        return ""
    title = "来源：" if is_cjk(answer.question) else "Sources:"
    return "\n\n" + "\n".join([title, *(_footnote(source) for source in cited)])


def _footnote(source: Source) -> str:
    page = f", p. {source.page}" if source.page else ""
    return f"[{source.n}] {source.document_name}{page}"


def model_json(name: str, owner: str, created: int = 0) -> dict[str, Any]:
    """Return an entry of the list of models."""
    return {"id": name, "object": "model", "created": created, "owned_by": owner}


def error_json(status: int, code: str, message: str) -> dict[str, Any]:
    """Return an error in OpenAI's shape."""
    kind = {400: "invalid_request_error", 404: "not_found_error", 422: "invalid_request_error"}
    return {
        "error": {
            "message": message,
            "type": kind.get(status, "api_error"),
            "param": None,
            "code": code,
        }
    }
