"""Schemas that the engine would drop in silence, or never come back from."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from backend.answers.options import LoadOptions, SamplingOptions
from backend.engine import constraint, llama_runner
from backend.engine.constraint import Constraints, goes_on
from backend.engine.llama_runner import LlamaRunner
from backend.engine.runner import Completion, Piece, RunnerState
from backend.errors import RunnerCrashed, RunnerRejected
from backend.models.library import Library
from backend.models.store import ModelStore
from backend.settings import BackendSettings
from tests.fixtures.models import CHATTER

LOOK_AROUND = (
    "0.01.1 E llg error: at 2(8): failed to compile JSON schema: regex parse error:",
    "^(?=a)b$",
    "error: look-around is not supported",
)


async def pieces(*texts: str) -> AsyncGenerator[Piece, None]:
    for text in texts:
        yield Piece(text)


async def text_of(held: AsyncGenerator[Piece, None]) -> str:
    async with aclosing(held):
        return "".join([piece.text async for piece in held])


async def test_a_reply_that_is_held_to_its_schema_passes() -> None:
    constraints = Constraints()
    constraints.heard("0.00.1 I srv  load: an error of another kind")
    assert await text_of(constraints.held_to(pieces("{", "}"))) == "{}"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("0.1 E llg error: NoExtensionBias",), "no text follows it"),
        (("0.1 E llg error: lexer error: too many",), "lexer error: too many"),
        (LOOK_AROUND, "regex parse error: look-around is not supported"),
    ],
)
@pytest.mark.parametrize("at", [0, 1])
async def test_what_the_log_says_ends_the_reply(
    lines: tuple[str, ...], reason: str, at: int
) -> None:
    constraints = Constraints()

    async def reply() -> AsyncGenerator[Piece, None]:
        for number in range(3):
            if number == at:
                for line in lines:
                    constraints.heard(line)
            yield Piece("x")

    with pytest.raises(RunnerRejected, match=f"invalid format: .*: {reason}"):
        await text_of(constraints.held_to(reply()))
    assert await text_of(constraints.held_to(pieces("{}"))) == "{}"  # the next one is innocent


async def test_the_log_of_one_schema_is_not_held_against_another() -> None:
    constraints, door = Constraints(), asyncio.Event()

    async def broken() -> AsyncGenerator[Piece, None]:
        await door.wait()
        constraints.heard("llg error: NoExtensionBias")
        yield Piece("free")

    first = asyncio.create_task(text_of(constraints.held_to(broken())))
    await asyncio.sleep(0)
    second = asyncio.create_task(text_of(constraints.held_to(pieces("{}"))))
    await asyncio.sleep(0.01)
    assert not second.done()  # it waits until the first one's schema is compiled
    door.set()
    assert await second == "{}"
    with pytest.raises(RunnerRejected):
        await first


async def test_who_leaves_in_the_middle_lets_the_next_one_in() -> None:
    constraints = Constraints()

    async def endless() -> AsyncGenerator[Piece, None]:
        await asyncio.Event().wait()
        yield Piece()

    leaver = asyncio.create_task(text_of(constraints.held_to(endless())))
    await asyncio.sleep(0)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    assert await text_of(constraints.held_to(pieces("{}"))) == "{}"


async def test_an_engine_is_asked_until_it_answers_after_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(constraint, "LOOK_SECONDS", 0.001)
    over, asked = asyncio.Event(), 0

    async def ask() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            over.set()

    assert await goes_on(ask, over, 5)
    assert asked == 4
    assert not await goes_on(asyncio.Event().wait, over, 0.01)


@pytest.fixture
async def runner(ollama_models: Path) -> AsyncIterator[LlamaRunner]:
    opened = Library(ModelStore(ollama_models)).open(CHATTER)
    options = LoadOptions(num_ctx=512, num_batch=8)
    runner = LlamaRunner(opened.runner_spec(options, BackendSettings(models=ollama_models)))
    await runner.start()
    yield runner
    await runner.stop()


async def asked(runner: LlamaRunner, schema: dict[str, Any] | None) -> str:
    tokens = await runner.tokenize("Some JSON:", special=True)
    request = Completion(tuple(tokens), SamplingOptions(temperature=0), 4, schema)
    return await text_of(runner.complete(request))


@pytest.mark.model
async def test_a_real_engine_follows_a_schema_or_says_why_not(runner: LlamaRunner) -> None:
    for schema, reason in (
        ({"$ref": "#"}, "no text follows it"),
        ({"type": "array", "maxItems": -5}, "maxItems"),
        ({"type": "string", "pattern": "^(?=a)b$"}, "look-around"),
        ({"type": "string", "pattern": "^(a{1000}){1000}$"}, "too many expressions"),
        ({"enum": [f"v{i}" for i in range(100_000)]}, "too big"),
    ):
        with pytest.raises(RunnerRejected, match=reason):
            await asked(runner, schema)
    for schema, start in (
        ({"type": "array", "uniqueItems": True}, "["),  # a word that llguidance does not know
        ({"type": "string", "format": "nonsense"}, '"'),
        ({"not": {"type": "string"}, "type": "array"}, "["),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}}, "{"),
    ):
        assert (await asked(runner, schema)).lstrip().startswith(start)
    assert await asked(runner, None)


@pytest.mark.model
async def test_a_schema_that_a_real_engine_never_comes_back_from_ends_it(
    runner: LlamaRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama_runner, "SECONDS_PER_TOKEN", 0.1)  # 0.8 s for the batch of 8
    patterns = [{"type": "string", "pattern": f"a.{{{i}}}b.*c"} for i in range(40)]
    leaver = asyncio.create_task(asked(runner, {"allOf": patterns}))
    follower = asyncio.create_task(asked(runner, None))
    with pytest.raises(TimeoutError):  # a client that leaves does not end it
        await asyncio.wait_for(leaver, 0.4)
    with pytest.raises(RunnerCrashed, match="too complex"):
        await asyncio.wait_for(follower, 30)
    assert runner.state is RunnerState.FAILED
