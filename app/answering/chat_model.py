"""Protocol of a language model server, and what goes in and out of it."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a chat; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked: `text` word for word, or `turns` through its chat template."""

    model: str
    text: str | None = None
    turns: tuple[Turn, ...] = ()
    num_ctx: int = 4096
    """Context to load the model with, in tokens; prompt and reply share it."""
    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class Completion:
    """How a generation ended: tokens and milliseconds as the engine counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    engine_ms: float = 0.0
    """Reading the prompt and writing the reply; loading and queueing not counted."""
    load_ms: float = 0.0
    reason: str = "stop"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the reply; the last one has `end` and usually no text."""

    text: str
    end: Completion | None = None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that the server has."""

    name: str
    size_bytes: int = 0
    family: str = ""
    modified_at: str = ""
    details: dict[str, str] = field(default_factory=dict)


class ChatModel(Protocol):
    """Implementations: app.answering.ollama_model, app.answering.fake_chat.

    Every method raises BackendUnavailable, BackendFailed or UnknownModel.
    """

    def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Generate; closing the iterator, or cancelling its task, stops the generation."""
        ...

    async def context_length(self, model: str) -> int | None:
        """Return the longest context the model was made for, in tokens; None if unknown."""
        ...

    async def count_tokens(self, model: str, text: str, num_ctx: int) -> int | None:
        """Return how many tokens the text takes; None where the server cannot count.

        `num_ctx` as for the prompt that follows: another one would load the model anew.
        """
        ...

    async def models(self) -> list[ModelInfo]:
        """Return the models that the server has."""
        ...

    async def load(self, prompt: Prompt) -> None:
        """Load the prompt's model with its context, and read the prompt into its cache."""
        ...

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        ...
