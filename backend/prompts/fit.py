"""What of a conversation fits the context: whole messages first, tokens of the middle then."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from backend.engine.runner import Runner
from backend.errors import ContextExceeded

Message: TypeAlias = Mapping[str, Any]
Write: TypeAlias = Callable[[Sequence[Message]], Awaitable[str]]

IMAGE_TOKENS = 768  # what a picture counts for, as in Ollama: only the projector knows the truth
TOO_LONG = (
    "the prompt is longer than the context length currently available: {count} tokens, room for "
    "{room}; send less, or raise options.num_ctx (exceeds the available context size)"
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A written prompt and its tokens, the model's BOS (`bos`, where it has one) among them."""

    text: str
    tokens: tuple[int, ...]
    bos: int | None = None

    def kept(self, asked: int) -> int:
        """How many tokens `num_keep` keeps: the BOS counts extra, a negative number means all."""
        begins = self.tokens[:1] == (self.bos,)
        return len(self.tokens) if asked < 0 else asked + begins


async def prompt_of(runner: Runner, text: str, bos: int | None) -> Prompt:
    """The text as tokens, with one BOS even where the template writes one of its own."""
    tokens = await runner.tokenize(text, special=True)
    doubled = bos is not None and tokens[:2] == [bos, bos]
    return Prompt(text, tuple(tokens[doubled:]), bos)


async def conversation_prompt(
    runner: Runner, write: Write, messages: Sequence[Message], room: int | None, bos: int | None
) -> Prompt:
    """The prompt of a conversation, its oldest messages dropped until it fits `room` tokens.

    With `room` None all of them stay. System messages and the last message always do, and a tool's
    result never stays without the call that it answers; so the prompt may still be too long.
    """

    async def without(dropped: int) -> tuple[Prompt, bool]:
        kept = _kept(messages, dropped)
        prompt = await prompt_of(runner, await write(kept), bos)
        pictures = sum(len(message.get("images") or ()) for message in kept)
        size = len(prompt.tokens) + IMAGE_TOKENS * pictures
        return prompt, room is None or size <= room

    prompt, fits = await without(0)
    if fits:
        return prompt
    low, high = 1, max(len(messages) - 1, 0)  # the fewest that fit, found by halving
    while low < high:
        middle = (low + high) // 2
        prompt, fits = await without(middle)
        low, high = (low, middle) if fits else (middle + 1, high)
    return (await without(high))[0]


def fitted(
    tokens: Sequence[int], room: int, keep: int, *, truncate: bool, shift: bool
) -> tuple[int, ...]:
    """The tokens, their middle cut out where they exceed the room.

    The first `keep` stay and as much of the tail as leaves half of the rest of the window free for
    the reply. Raises ContextExceeded where the request forbids it (`truncate` or `shift` false).
    """
    if len(tokens) <= room:
        return tuple(tokens)
    if not (truncate and shift):
        raise ContextExceeded(TOO_LONG.format(count=len(tokens), room=room))
    window = room + 1
    head = min(max(keep, 0), room)
    tail = window - max((window - head) // 2, 1) - head
    return (*tokens[:head], *tokens[len(tokens) - tail :])


def _kept(messages: Sequence[Message], dropped: int) -> list[Message]:
    start = dropped
    while 0 < start < len(messages) and messages[start]["role"] == "tool":
        start -= 1  # back to the turn that called
    systems = [one for one in messages[:start] if one["role"] == "system"]
    return [*systems, *messages[start:]]
