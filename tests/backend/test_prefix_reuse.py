"""A prompt that begins like the one before is read from where they part, by every bundled model."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.answers.options import LoadOptions, SamplingOptions
from backend.engine.llama_runner import LlamaRunner
from backend.engine.llama_wire import completion_body
from backend.engine.runner import Completion
from backend.models.library import Library
from backend.models.store import ModelStore
from backend.settings import BackendSettings
from tests.backend.processes import backend_process
from tests.fixtures.models import CHATTER, GENERATOR

pytestmark = pytest.mark.model
# Longer than the window of Gemma's sliding layers, which is 512 tokens.
PREFIX = "The boats came up the river in the morning and left with the tide at night. " * 45
OPTIONS = {"num_predict": 1, "temperature": 0, "num_ctx": 2048}


@pytest.fixture(scope="module")
def client(ollama_models: Path) -> Iterator[httpx.Client]:
    with (
        backend_process(ollama_models) as (_, url),
        httpx.Client(base_url=url, timeout=120) as client,
    ):
        yield client


def read_ns(client: httpx.Client, path: str, model: str, prompt: str) -> tuple[int, int]:
    """Tokens of the prompt, and nanoseconds that the engine took to read what it had not kept."""
    body: dict[str, Any] = {"model": model, "stream": False, "options": OPTIONS}
    if path == "/api/chat":
        body["messages"] = [{"role": "user", "content": prompt}]
    else:
        body |= {"prompt": prompt, "raw": True}
    told = client.post(path, json=body).raise_for_status().json()
    return told["prompt_eval_count"], told["prompt_eval_duration"]


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat"])
@pytest.mark.parametrize("model", [GENERATOR, CHATTER])
def test_a_second_question_is_read_in_a_fraction_of_the_time(
    client: httpx.Client, model: str, path: str
) -> None:
    other = CHATTER if model == GENERATOR else GENERATOR
    new = f"{path} {PREFIX}"  # not what the other case left in the cache
    count, first = read_ns(client, path, model, new + "When do they leave?")
    assert count > 700
    _, second = read_ns(client, path, model, new + "What comes up the river, and when?")
    read_ns(client, path, other, "A question to another model.")
    again, back = read_ns(client, path, model, new + "Who is on board?")
    assert abs(again - count) < 10
    # 0.02 to 0.1 on a busy machine; without reuse it is 1
    assert second < 0.4 * first
    assert back < 0.4 * first


async def kept_and_read(runner: LlamaRunner, prompt: str) -> tuple[int, int]:
    """Tokens that came from the cache, and tokens that were read."""
    tokens = tuple(await runner.tokenize(prompt, special=True))
    body = completion_body(Completion(tokens, SamplingOptions(temperature=0), 1))
    assert runner._client is not None
    told: dict[str, Any] = {}
    async for event in runner._client.events(body):
        told = event.get("timings", told)
    return told["cache_n"], told["prompt_n"]


@pytest.mark.parametrize("model", [GENERATOR, CHATTER])
async def test_the_tokens_of_a_shared_beginning_come_from_the_cache(
    ollama_models: Path, model: str
) -> None:
    settings = BackendSettings(models=ollama_models)
    opened = Library(ModelStore(ollama_models)).open(model)
    runner = LlamaRunner(opened.runner_spec(LoadOptions(num_ctx=2048), settings))
    await runner.start()
    try:
        kept, read = await kept_and_read(runner, PREFIX + "When do they leave?")
        assert (kept, read > 700) == (0, True)
        kept, second = await kept_and_read(runner, PREFIX + "What comes up the river?")
        assert second < 10
        assert kept > read - 10
    finally:
        await runner.stop()
