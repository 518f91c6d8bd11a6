"""Texts to vectors: what /api/embed, /api/embeddings and /v1/embeddings have in common."""

import math
import time
from dataclasses import dataclass

from backend.answers.generation import Backend
from backend.answers.options import read_options
from backend.answers.requests import EmbedRequest
from backend.engine.runner import Runner
from backend.errors import BadRequest, ContextExceeded, ModelNotFound
from backend.models.library import OpenModel


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors in the order of their texts, as the model gives them, with tokens and times."""

    vectors: list[list[float]]
    tokens: int
    total_ns: int
    load_ns: int


def open_model(backend: Backend, name: str) -> OpenModel:
    """The model, with the error text that the embedding routes give for one that is absent."""
    try:
        return backend.library.open(name)
    except ModelNotFound as error:
        raise ModelNotFound(f'model "{name}" not found, try pulling it first') from error


async def embed_texts(
    backend: Backend, model: OpenModel, asked: EmbedRequest, inputs: list[str]
) -> Embedded:
    """A vector for each text; raises ContextExceeded for a long one that may not be cut."""
    started = time.perf_counter_ns()
    options = read_options(model.content.params, asked.options)
    spec = model.runner_spec(options.load, backend.settings, embedding=True)
    async with backend.pool.lease(model, spec, asked.keep_alive) as runner:
        loaded = time.perf_counter_ns()
        room = spec.load.num_batch
        tokens = [
            await _tokens(runner, model, text, room, truncate=asked.truncate) for text in inputs
        ]
        vectors = await runner.embed(tokens) if tokens else []
    if not all(math.isfinite(number) for vector in vectors for number in vector):
        raise BadRequest("the model gave a vector that is not made of finite numbers")
    ended = time.perf_counter_ns()
    return Embedded(vectors, sum(map(len, tokens)), ended - started, max(loaded - started, 1))


async def _tokens(
    runner: Runner, model: OpenModel, text: str, room: int, *, truncate: bool
) -> list[int]:
    tokens = await runner.tokenize(text, special=True)
    if not tokens:  # an empty text, and a model that marks no beginning: the engine wants one
        return [0 if model.bos is None else model.bos]
    if len(tokens) <= room:
        return tokens
    if not truncate:
        raise ContextExceeded("the input length exceeds the context length")
    closing = await _closing(runner, tokens)
    return tokens[: room - len(closing)] + closing


async def _closing(runner: Runner, tokens: list[int]) -> list[int]:
    """The token that the model puts behind every text, where it has one."""
    around = await runner.tokenize("", special=True)
    ends = around[-1:] == tokens[-1:] and (len(around) > 1 or around[:1] != tokens[:1])
    return tokens[-1:] if ends else []


def shortened(vector: list[float], dimensions: int) -> list[float]:
    """The first `dimensions` numbers (all of them for 0), scaled to length one."""
    return _unit(vector[:dimensions] if 0 < dimensions < len(vector) else vector)


def _unit(vector: list[float]) -> list[float]:
    length = math.sqrt(math.fsum(number * number for number in vector))
    return [number / length for number in vector] if length else vector
