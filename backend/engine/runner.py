"""What a runner is: one loaded model that completes, embeds and tokenises.

`llama_runner.py` is the real one (a child process), `fake_runner.py` an honest fake.
"""

from collections.abc import AsyncGenerator, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from backend.answers.options import LoadOptions, SamplingOptions

MEDIA = "<__media__>"


class RunnerState(StrEnum):
    """The five states: stopped → starting → ready → stopping → stopped, or failed from any."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunnerKey:
    """What shares a runner: the weights, and whether they embed or generate."""

    weights: Path
    embedding: bool


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that a runner takes, by purpose; all zero where nothing is known (see memory.py)."""

    weights: int = 0
    cache: int = 0
    compute: int = 0
    process: int = 0

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.weights + self.cache + self.compute + self.process


UNKNOWN = Memory()


@dataclass(frozen=True, slots=True)
class RunnerSpec:
    """All that a runner is started with. Equal specs can share a runner.

    `default_pooling` is true for an embedding runner whose weights name no pooling of their own;
    `adapters` are LoRA files, `projector` is the mmproj file through which the model sees images.
    `flash_attention` None leaves it to the engine; `kv_type` is f16, q8_0 or q4_0; `memory` is what
    the runner is expected to take.
    """

    key: RunnerKey
    load: LoadOptions
    parallel: int = 1
    default_pooling: bool = False
    adapters: tuple[Path, ...] = ()
    projector: Path | None = None
    flash_attention: bool | None = None
    kv_type: str = "f16"
    memory: Memory = UNKNOWN


@dataclass(frozen=True, slots=True)
class Completion:
    """A request to continue `prompt` (token ids); `top_logprobs` None means no logprobs.

    With `images` (checked PNG files) the prompt is `text` instead, in which MEDIA marks the place
    of each. `preserved` are control tokens, as text, that are to be seen in the reply.
    """

    prompt: tuple[int, ...]
    sampling: SamplingOptions
    max_tokens: int
    json_schema: Mapping[str, Any] | None = None
    top_logprobs: int | None = None
    text: str = ""
    images: tuple[bytes, ...] = ()
    preserved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Logprob:
    """A token with its natural log probability and, at a chosen token, the best others."""

    token: str
    logprob: float
    bytes: tuple[int, ...]
    top: tuple["Logprob", ...] = ()


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a completion. `prompt_tokens` counts those that came from the cache too."""

    reason: str  # "stop" or "length"
    prompt_tokens: int
    prompt_ns: int
    tokens: int
    tokens_ns: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A step of a completion; the last one carries `finish`."""

    text: str = ""
    tokens: tuple[int, ...] = ()
    logprobs: tuple[Logprob, ...] = ()
    finish: Finish | None = None


class Runner(Protocol):
    """One loaded model. Methods raise RunnerCrashed when it goes away under them."""

    @property
    def state(self) -> RunnerState:
        """Where the runner stands now."""
        ...

    async def start(self) -> None:
        """Load; returns when ready, raises LoadFailed otherwise."""
        ...

    async def stop(self) -> None:
        """End the runner and free its memory; safe to call in any state."""
        ...

    def progress(self) -> Hashable:
        """A value that changes as long as a load gets on; one that stands still has stalled."""
        ...

    def held(self) -> int:
        """Bytes of memory that end with the runner: not those of files it maps."""
        ...

    async def ping(self) -> bool:
        """Whether the runner answers; waits as long as it takes, the caller sets the limit."""
        ...

    def complete(self, request: Completion) -> AsyncGenerator[Piece, None]:
        """Continue a prompt, piece by piece; closing the generator stops the engine."""
        ...

    async def embed(self, inputs: Sequence[Sequence[int]]) -> list[list[float]]:
        """One vector for each list of token ids."""
        ...

    async def tokenize(self, text: str, *, special: bool) -> list[int]:
        """The token ids of `text`, with the model's BOS where `special`."""
        ...

    async def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of token ids."""
        ...

    async def render(self, conversation: Mapping[str, Any]) -> str:
        """The prompt that the model's own Jinja template makes of messages and tools."""
        ...


RunnerFactory: TypeAlias = Callable[[RunnerSpec], Runner]
