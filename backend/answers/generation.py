"""One generation from lease to last token: what /api/generate and /api/chat have in common.

Steps: lease a runner (loading it if need be) → write the prompt → fit it to the context → complete.
The times are nanoseconds of this process's clock, except those of the engine itself.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeAlias

from backend.answers.options import Options, SamplingOptions, read_options
from backend.answers.requests import ChatRequest, GenerateRequest
from backend.engine.pool import Pool
from backend.engine.runner import Completion, Finish, Logprob, Piece, Runner
from backend.errors import BadRequest
from backend.models.library import Library, OpenModel
from backend.settings import BackendSettings
from backend.web.wire import present

MAX_CONTEXTS = 10  # tokens of one reply, in contexts, where num_predict sets no bound


@dataclass(frozen=True, slots=True)
class Backend:
    """What the routes work with."""

    settings: BackendSettings
    library: Library
    pool: Pool[OpenModel]


# Writes a prompt's tokens for a ready runner, given the room there is.
Prompter: TypeAlias = Callable[[Runner, int], Awaitable[tuple[int, ...]]]


@dataclass(frozen=True, slots=True)
class Generation:
    """A checked request for text, ready to run."""

    model: OpenModel
    options: Options
    keep_alive: float | None
    prompter: Prompter
    json_schema: dict[str, Any] | None = None
    top_logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of text; the last step carries `metrics` and all the tokens (prompt and reply)."""

    piece: Piece
    metrics: dict[str, Any] | None = None
    context: tuple[int, ...] = ()


def checked_options(
    backend: Backend, model: OpenModel, request: GenerateRequest | ChatRequest
) -> Options:
    """The options in force, after what this model cannot do was refused; raises BadRequest."""
    capabilities = model.capabilities
    if request.think and "thinking" not in capabilities:
        raise BadRequest(f'"{model.asked}" does not support thinking')
    if model.embeds_only:
        verb = "chat" if isinstance(request, ChatRequest) else "generate"
        raise BadRequest(f'"{model.asked}" does not support {verb}')
    return read_options(model.content.params, request.options)


async def load(backend: Backend, generation: Generation) -> None:
    """Make the model ready and let it be."""
    spec = generation.model.runner_spec(generation.options.load, backend.settings)
    async with backend.pool.lease(generation.model, spec, generation.keep_alive):
        pass


async def unload(backend: Backend, model: OpenModel) -> None:
    """Unload every runner of these weights, now or when its last request ends."""
    await backend.pool.unload(lambda key: key.weights == model.content.weights)


async def run(backend: Backend, generation: Generation) -> AsyncGenerator[Step, None]:
    """The text step by step; closing the generator stops the engine and ends the lease."""
    started = time.perf_counter_ns()
    spec = generation.model.runner_spec(generation.options.load, backend.settings)
    async with backend.pool.lease(generation.model, spec, generation.keep_alive) as runner:
        loaded = time.perf_counter_ns()
        prompt = await generation.prompter(runner, spec.load.num_ctx - 1)
        request = _completion(generation, prompt, spec.load.num_ctx)
        reply: list[int] = []
        async with aclosing(runner.complete(request)) as pieces:
            async for piece in pieces:
                reply += piece.tokens
                if piece.finish is None:
                    yield Step(piece)
                    continue
                times = _metrics(piece.finish, started, loaded)
                yield Step(piece, times, (*prompt, *reply))


def logprobs_json(logprobs: tuple[Logprob, ...]) -> list[dict[str, Any]]:
    """The `logprobs` list of a chunk."""
    return [
        _logprob_json(one) | present({"top_logprobs": [_logprob_json(other) for other in one.top]})
        for one in logprobs
    ]


def _logprob_json(one: Logprob) -> dict[str, Any]:
    return {"token": one.token, "logprob": one.logprob, "bytes": list(one.bytes)}


def _completion(generation: Generation, prompt: tuple[int, ...], context: int) -> Completion:
    sampling: SamplingOptions = generation.options.sampling
    cap = MAX_CONTEXTS * context
    return Completion(
        prompt=prompt,
        sampling=sampling,
        max_tokens=cap if sampling.num_predict < 0 else min(sampling.num_predict, cap),
        json_schema=generation.json_schema,
        top_logprobs=generation.top_logprobs,
    )


def _metrics(finish: Finish, started: int, loaded: int) -> dict[str, Any]:
    return {
        "done_reason": finish.reason,
        "total_duration": time.perf_counter_ns() - started,
        "load_duration": loaded - started,
        "prompt_eval_count": finish.prompt_tokens,
        "prompt_eval_duration": finish.prompt_ns,
        "eval_count": finish.tokens,
        "eval_duration": finish.tokens_ns,
    }
