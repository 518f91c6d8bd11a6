"""The server of an ik_llama.cpp child over real sockets, a model of letters behind it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from backend.answers.options import LoadOptions, SamplingOptions
from backend.engine.llama_runner import LlamaRunner
from backend.engine.runner import Completion, Piece, RunnerKey, RunnerSpec, RunnerState
from backend.errors import RunnerCrashed, RunnerRejected

LETTERS_CHILD = "tests.backend.engine.letters_child"
SPEC = RunnerSpec(RunnerKey(Path("letters"), False), LoadOptions(num_ctx=4000, num_batch=8))


@pytest.fixture
async def runner() -> AsyncIterator[LlamaRunner]:
    runner = LlamaRunner(SPEC, LETTERS_CHILD)
    await runner.start()
    yield runner
    await runner.stop()


def asked(prompt: str, limit: int = 5) -> Completion:
    sampling = SamplingOptions(temperature=0, seed=1)
    return Completion(tuple(prompt.encode()), sampling, limit, top_logprobs=None)


async def answer(runner: LlamaRunner, prompt: str, limit: int = 5) -> list[Piece]:
    return [piece async for piece in runner.complete(asked(prompt, limit))]


async def text(runner: LlamaRunner, prompt: str, limit: int = 5) -> str:
    return "".join(piece.text for piece in await answer(runner, prompt, limit))


async def test_a_completion_is_streamed(runner: LlamaRunner) -> None:
    pieces = await answer(runner, "abc", 3)
    assert [piece.text for piece in pieces] == ["d", "e", "f", ""]
    assert pieces[-1].finish is not None
    assert await runner.ping()


async def test_texts_tokens_and_prompts(runner: LlamaRunner) -> None:
    assert await runner.tokenize("aä", special=False) == [97, 195, 164]
    assert await runner.detokenize([97, 195, 164, 256]) == "aä<end>"
    talk = {"messages": [{"role": "user", "content": "hi"}]}
    assert await runner.render(talk) == "<user>hi<assistant>"


async def test_what_it_cannot_do_is_said(runner: LlamaRunner) -> None:
    with pytest.raises(RunnerRejected, match="never"):
        await runner.render({"messages": [{"role": "user", "content": "no"}]})
    with pytest.raises(RunnerRejected, match="cannot do that"):
        await runner.embed([[97]])
    with pytest.raises(RunnerRejected, match="exceeds the available context size"):
        await answer(runner, "x" * 4000)


async def test_a_fault_of_the_engine_is_one_requests_end(runner: LlamaRunner) -> None:
    with pytest.raises(RunnerRejected, match="code 1"):
        await answer(runner, "a!")
    assert await text(runner, "a") == "bcdef"


async def test_many_at_once_each_get_their_own(runner: LlamaRunner) -> None:
    prompts = [f"{number:02}a" for number in range(30)]
    assert await asyncio.gather(*(text(runner, prompt) for prompt in prompts)) == ["bcdef"] * 30


async def test_a_client_that_leaves_during_the_prompt_frees_the_engine(runner: LlamaRunner) -> None:
    long = asyncio.create_task(answer(runner, "s" * 3900))  # 25 s of reading
    await asyncio.sleep(0.2)
    long.cancel()
    waited = time.monotonic()
    assert await text(runner, "a") == "bcdef"
    assert time.monotonic() - waited < 10


async def test_a_client_that_leaves_while_it_waits_is_passed_over(runner: LlamaRunner) -> None:
    first = asyncio.create_task(text(runner, "s" * 160))
    await asyncio.sleep(0.2)
    waiting = [asyncio.create_task(text(runner, "s" * 3900)) for _ in range(5)]
    await asyncio.sleep(0.2)
    for one in waiting:
        one.cancel()
    waited = time.monotonic()
    assert await text(runner, "a") == "bcdef"
    assert time.monotonic() - waited < 20  # a single one of those would have taken 25 s
    assert await first == "tuvwx"


async def test_closing_the_generator_stops_the_reply(runner: LlamaRunner) -> None:
    async with aclosing(runner.complete(asked("a", -1))) as pieces:
        assert (await anext(pieces)).text == "b"
    assert await text(runner, "a") == "bcdef"


async def test_only_who_has_the_key_may_ask(runner: LlamaRunner) -> None:
    assert runner._client is not None
    async with httpx.AsyncClient(base_url=runner._client.url, trust_env=False) as stranger:
        for response in (
            await stranger.get("/health"),
            await stranger.post("/tokenize", json={"content": "a", "add_special": False}),
            await stranger.post("/completion", headers={"Authorization": "Bearer x"}, json={}),
        ):
            assert response.status_code == 401


async def test_a_killed_child_is_a_crash(runner: LlamaRunner) -> None:
    pieces = runner.complete(asked("s" * 3900))
    first = asyncio.ensure_future(anext(pieces))
    await asyncio.sleep(0.2)
    assert runner._process is not None
    runner._process.kill()
    with pytest.raises(RunnerCrashed):
        await first
    assert runner.state is RunnerState.FAILED
