"""The real second engine beside the real first one; skipped where its package is not installed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import ollama
import pytest

from backend.answers.options import LoadOptions, SamplingOptions
from backend.engine.ik_check import ALLOWED, difference
from backend.engine.ik_runner import IK_CHILD, unsuited
from backend.engine.llama_runner import LLAMA_CHILD, LlamaRunner
from backend.engine.llama_wire import completion_body
from backend.engine.runner import Completion, Finish, RunnerKey, RunnerSpec
from backend.models.names import ModelName
from backend.models.store import ModelStore
from tests.backend.processes import backend_process, runners_of
from tests.fixtures.models import CHATTER, GENERATOR

pytestmark = pytest.mark.model
TEXT = "The library opens at nine on weekdays and at ten on Saturdays; on Sundays it is closed. "
LOAD = LoadOptions(num_ctx=512, num_batch=128, num_thread=2)


@pytest.fixture(autouse=True, scope="module")
def package() -> None:
    pytest.importorskip("ik_llama_cpp._lib_loader", reason="pip install 'ragstone[ik]'")


def spec_of(models: Path, name: str) -> RunnerSpec:
    store = ModelStore(models)
    weights = store.content(store.get(ModelName.parse(name))).weights
    return RunnerSpec(RunnerKey(weights, False), LOAD)


@asynccontextmanager
async def started(models: Path, name: str, child: str = IK_CHILD) -> AsyncIterator[LlamaRunner]:
    runner = LlamaRunner(spec_of(models, name), child)
    await runner.start()
    try:
        yield runner
    finally:
        await runner.stop()


@pytest.fixture
async def runner(ollama_models: Path) -> AsyncIterator[LlamaRunner]:
    async with started(ollama_models, GENERATOR) as runner:
        yield runner


async def answer(
    runner: LlamaRunner, text: str, limit: int = 8, **sampling: object
) -> tuple[str, Finish]:
    options = SamplingOptions(**{"temperature": 0, "seed": 1, **sampling})  # type: ignore[arg-type]
    request = Completion(tuple(await runner.tokenize(text, special=True)), options, limit)
    pieces = [piece async for piece in runner.complete(request)]
    assert pieces[-1].finish is not None
    return "".join(piece.text for piece in pieces), pieces[-1].finish


async def test_it_computes_what_llama_cpp_does(ollama_models: Path, runner: LlamaRunner) -> None:
    async with started(ollama_models, GENERATOR, LLAMA_CHILD) as reference:
        assert await difference(runner, reference) <= ALLOWED
        for text in ("", "One <bos> two<eos>", "ä漢🙂\x00 end", " lead", "<start_of_turn>user\n"):
            for special in (True, False):
                tokens = await runner.tokenize(text, special=special)
                assert tokens == await reference.tokenize(text, special=special)
                assert await runner.detokenize(tokens) == await reference.detokenize(tokens)
        counting = "One, two, three, four,"
        ours, theirs = await answer(runner, counting), await answer(reference, counting)
        assert ours[0] == theirs[0]
        assert (ours[1].prompt_tokens, ours[1].tokens) == (theirs[1].prompt_tokens, 8)


async def test_what_it_computes_wrongly_is_found_out(ollama_models: Path) -> None:
    assert "Q4_1" in (unsuited(spec_of(ollama_models, CHATTER)) or "")
    async with (
        started(ollama_models, CHATTER) as runner,
        started(ollama_models, CHATTER, LLAMA_CHILD) as reference,
    ):
        assert await difference(runner, reference) > ALLOWED
        talk = {"messages": [{"role": "user", "content": "Hi\n"}]}
        assert await runner.render(talk) == await reference.render(talk)


async def timings(runner: LlamaRunner, text: str) -> dict[str, Any]:
    tokens = tuple(await runner.tokenize(text, special=True))
    body = completion_body(Completion(tokens, SamplingOptions(temperature=0), 1))
    assert runner._client is not None
    told: dict[str, Any] = {}
    async for event in runner._client.events(body):
        told = event.get("timings", told)
    return told


async def test_a_shared_beginning_is_read_once(runner: LlamaRunner) -> None:
    first = await timings(runner, TEXT * 10 + "When?")
    second = await timings(runner, TEXT * 10 + "Where?")
    assert first["cache_n"] == 0
    assert second["prompt_n"] <= 3
    assert second["cache_n"] + second["prompt_n"] == pytest.approx(first["prompt_n"], abs=1)


async def test_draws_follow_the_seed_and_the_options(runner: LlamaRunner) -> None:
    def drawn(**sampling: object) -> Any:
        return answer(runner, "Once upon a time", 24, **{"temperature": 1.0, **sampling})

    one = (await drawn(seed=3))[0]
    assert one == (await drawn(seed=3))[0]
    assert one != (await drawn(seed=4))[0]
    greedy = (await drawn(temperature=0.0))[0]
    for narrow in ({"top_k": 1}, {"top_p": 0.0001}, {"min_p": 1.0}):
        assert (await drawn(seed=5, **narrow))[0] == greedy
    assert (await drawn(temperature=0.0, repeat_penalty=8.0, repeat_last_n=-1))[0] != greedy
    assert (await drawn(seed=5, typical_p=0.2, top_k=0))[0]


async def test_a_reply_goes_on_beyond_the_window(runner: LlamaRunner) -> None:
    text, finish = await answer(runner, TEXT * 25, 50)
    assert finish.prompt_tokens < LOAD.num_ctx < finish.prompt_tokens + 50
    assert (finish.reason, finish.tokens) == ("length", 50)
    assert "on Sundays" in text  # it still has the text before its eyes


def test_the_whole_server_with_the_second_engine(ollama_models: Path) -> None:
    options = {"temperature": 0, "num_predict": 6}
    with (
        backend_process(ollama_models, RAGSTONE_ENGINE="ik") as (process, url),
        ollama.Client(url) as client,
    ):
        answer = client.generate(GENERATOR, "One, two, three, four,", raw=True, options=options)
        assert "five" in answer.response
        assert runners_of(process) == []  # llama.cpp's child ended after the comparison
        chat = client.chat(CHATTER, [{"role": "user", "content": "Hi"}], options=options)
        assert chat.message.content  # its Q4_1 weights went to llama.cpp
        assert len(runners_of(process)) == 1
        formed = client.generate(GENERATOR, "x", raw=True, format="json", options=options)
        assert formed.response.strip().startswith("{")
        assert len(client.embed(GENERATOR, "a text").embeddings[0]) == 640
