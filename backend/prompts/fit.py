"""From messages to prompt tokens that fit the context."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from backend.engine.runner import Runner
from backend.errors import ContextExceeded
from backend.models.library import OpenModel
from backend.prompts.go_template import PLAIN, Template, render_conversation

Message: TypeAlias = Mapping[str, Any]
Render: TypeAlias = Callable[[Sequence[Message]], Awaitable[str]]

TOO_LONG = (
    "the prompt is longer than the context length currently available: {count} tokens, room for "
    "{room}; send less, or raise options.num_ctx (exceeds the available context size)"
)


def renderer(
    model: OpenModel, runner: Runner, extras: Mapping[str, Any], template: str | None = None
) -> Render:
    """How this model's prompts are written: a Go template, the file's Jinja, or plainly."""
    source = template or model.content.template
    if source is None and model.header.chat_template is None:
        source = PLAIN
    if source is None:

        async def jinja(messages: Sequence[Message]) -> str:
            return await runner.render({"messages": list(messages), **extras})

        return jinja
    parsed = Template(source)

    async def go(messages: Sequence[Message]) -> str:
        return render_conversation(parsed, [_plain(message) for message in messages])

    return go


async def chat_tokens(
    runner: Runner, render: Render, messages: Sequence[Message], room: int, *, truncate: bool
) -> tuple[int, ...]:
    """The tokens of the conversation, its oldest non-system messages dropped until it fits.

    System messages and the last message always stay; raises ContextExceeded without `truncate`.
    """
    kept = list(messages)
    while True:
        tokens = await runner.tokenize(await render(kept), special=True)
        if len(tokens) <= room or not truncate:
            break
        oldest = next((i for i, one in enumerate(kept[:-1]) if one["role"] != "system"), None)
        if oldest is None:
            break
        del kept[oldest]
    return tuple(tokens)


def fitted(
    tokens: Sequence[int], room: int, keep: int, *, truncate: bool, shift: bool
) -> tuple[int, ...]:
    """The tokens cut to half the room when they exceed it: the first `keep`, then the tail.

    Raises ContextExceeded where the request forbids cutting (`truncate` or `shift` false).
    """
    if len(tokens) <= room:
        return tuple(tokens)
    if not (truncate and shift):
        raise ContextExceeded(TOO_LONG.format(count=len(tokens), room=room))
    head = min(max(keep, 0), room // 2)
    tail = max(room // 2 - head, 1)
    return (*tokens[:head], *tokens[-tail:])


def _plain(message: Message) -> dict[str, str]:
    return {"role": str(message["role"]), "content": str(message.get("content") or "")}
