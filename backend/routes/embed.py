"""POST /api/embed and the older /api/embeddings."""

import math
import time
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.deps import BackendDep, BodyDep
from backend.errors import BadRequest, ContextExceeded, ModelNotFound
from backend.generation import Backend
from backend.library import OpenModel
from backend.options import read_options
from backend.requests import EmbeddingsRequest, EmbedRequest, parse
from backend.runner import Runner
from backend.streaming import unless_gone
from backend.wire import json_response, present

router = APIRouter()


@dataclass(frozen=True, slots=True)
class _Embedded:
    vectors: list[list[float]]
    tokens: int
    total_ns: int
    load_ns: int


@router.post("/api/embed")
async def embed(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    """A vector of length one for each text, in order."""
    asked = parse(EmbedRequest, body)
    if not asked.model.strip():
        raise ModelNotFound("model '' not found")
    inputs = asked.inputs
    model = _open(backend, asked.model)
    done = await unless_gone(request, _embed(backend, model, asked, inputs))
    shown = {
        "model": asked.model,
        "embeddings": [_unit(_cut(vector, asked.dimensions)) for vector in done.vectors],
    }
    metrics = {
        "total_duration": done.total_ns,
        "load_duration": done.load_ns,
        "prompt_eval_count": done.tokens,
    }
    return json_response(shown | present(metrics))


@router.post("/api/embeddings")
async def embeddings(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    """One vector for one text, as the model gives it; none for an empty text."""
    asked = parse(EmbeddingsRequest, body)
    if not asked.model.strip():
        raise BadRequest("model is required")
    model = _open(backend, asked.model)
    whole = EmbedRequest(model=asked.model, options=asked.options)
    whole = whole.model_copy(update={"keep_alive": asked.keep_alive})
    inputs = [asked.prompt] if asked.prompt else []
    done = await unless_gone(request, _embed(backend, model, whole, inputs))
    return json_response({"embedding": done.vectors[0] if done.vectors else []})


def _open(backend: Backend, name: str) -> OpenModel:
    try:
        return backend.library.open(name)
    except ModelNotFound as error:
        raise ModelNotFound(f'model "{name}" not found, try pulling it first') from error


async def _embed(
    backend: Backend, model: OpenModel, asked: EmbedRequest, inputs: list[str]
) -> _Embedded:
    started = time.perf_counter_ns()
    options = read_options(model.content.params, asked.options)
    spec = model.runner_spec(options.load, backend.settings, embedding=True)
    async with backend.pool.lease(model, spec, asked.keep_alive) as runner:
        loaded = time.perf_counter_ns()
        room = spec.load.num_batch
        tokens = [await _tokens(runner, text, room, truncate=asked.truncate) for text in inputs]
        vectors = await runner.embed(tokens) if tokens else []
    if not all(math.isfinite(number) for vector in vectors for number in vector):
        raise BadRequest("the model gave a vector that is not made of finite numbers")
    ended = time.perf_counter_ns()
    return _Embedded(vectors, sum(map(len, tokens)), ended - started, loaded - started)


async def _tokens(runner: Runner, text: str, room: int, *, truncate: bool) -> list[int]:
    tokens = await runner.tokenize(text, special=True)
    if len(tokens) <= room:
        return tokens
    if not truncate:
        raise ContextExceeded("the input length exceeds the context length")
    return [
        *tokens[: room - 1],
        tokens[-1],
    ]  # the last one is the closing token, where there is one


def _cut(vector: list[float], dimensions: int) -> list[float]:
    return vector[:dimensions] if 0 < dimensions < len(vector) else vector


def _unit(vector: list[float]) -> list[float]:
    length = math.sqrt(math.fsum(number * number for number in vector))
    return [number / length for number in vector] if length else vector
