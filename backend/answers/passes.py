"""One reply of the engine, or two: thinking that nothing constrains, then an answer by a schema.

A grammar would forbid the tags around thinking, so a model that thinks is left alone until its
answer begins; that beginning is thrown away, and the answer is made again under the schema.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TypeAlias

from backend.answers.repeats import RepeatGuard
from backend.answers.reply import Part, ReplyReader
from backend.answers.windows import across_windows
from backend.engine.runner import Completion, Finish, Logprob, Runner


@dataclass(frozen=True, slots=True)
class Course:
    """How a reply is made: `request` is the engine's, `window` its context in tokens.

    `keep` tokens of the prompt outlive the window; `guarded` ends a reply that only repeats itself.
    """

    request: Completion
    window: int
    keep: int
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """A step of a reply: its parts, the raw text and count of tokens since the step before.

    The last one carries `finish`.
    """

    part: Part
    raw: str = ""
    tokens: int = 0
    logprobs: tuple[Logprob, ...] = ()
    finish: Finish | None = None


# The course on from the prompt with this raw text behind it.
Onward: TypeAlias = Callable[[str], Awaitable[Course]]


async def one_pass(
    runner: Runner, course: Course, reader: ReplyReader
) -> AsyncGenerator[Said, None]:
    """A reply as it comes; a step for each piece that shows something, and one for the end."""
    guard = RepeatGuard() if course.guarded else None
    raw, tokens = "", 0
    pieces = across_windows(runner, course.request, course.window, course.keep)
    async with aclosing(pieces):
        async for piece in pieces:
            if guard is not None and piece.text:
                guard.see(piece.text)
            raw, tokens = raw + piece.text, tokens + len(piece.tokens)
            part = reader.feed(piece.text)
            if piece.finish is not None:
                yield Said(part + reader.end(), raw, tokens, piece.logprobs, piece.finish)
            elif part or (piece.text and piece.logprobs):
                yield Said(part, raw, tokens, piece.logprobs)
                raw, tokens = "", 0


async def two_passes(
    runner: Runner, course: Course, reader: ReplyReader, onward: Onward
) -> AsyncGenerator[Said, None]:
    """Free thinking, then the answer by the schema; the figures of both are added up."""
    started = time.perf_counter_ns()
    thought, spent = "", 0
    free = replace(course, request=replace(course.request, json_schema=None))
    async with aclosing(one_pass(runner, free, ReplyReader(reader.thinking))) as steps:
        async for said in steps:
            answer = said.part.content
            thought, spent = thought + said.raw.removesuffix(answer), spent + said.tokens
            if answer:
                if said.part.thinking:
                    yield Said(Part(said.part.thinking), said.raw.removesuffix(answer))
                break
            yield said
            if said.finish is not None:
                return
    second = await onward(thought)
    left = max(course.request.max_tokens - spent, 1)
    second = replace(second, request=replace(second.request, max_tokens=left))
    async with aclosing(one_pass(runner, second, reader.without_thinking())) as steps:
        async for said in steps:
            if said.finish is None:
                yield said
                continue
            yield replace(said, finish=_both(said.finish, spent, course, started))


def _both(finish: Finish, spent: int, course: Course, started: int) -> Finish:
    return replace(
        finish,
        prompt_tokens=len(course.request.prompt) or finish.prompt_tokens,
        tokens=finish.tokens + spent,
        tokens_ns=max(time.perf_counter_ns() - started - finish.prompt_ns, 1),
    )
