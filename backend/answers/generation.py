"""One generation from lease to last token: what /api/generate and /api/chat have in common.

Steps: lease a runner (loading it if need be) → write the prompt → fit it to the context → complete.
The times are nanoseconds of this process's clock, except those of the engine itself.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from backend.answers.images import placed
from backend.answers.options import Options, read_options
from backend.answers.passes import Course, Said, one_pass, two_passes
from backend.answers.reply import NOTHING, Part, ReplyReader
from backend.answers.requests import ChatRequest, GenerateRequest
from backend.answers.tool_calls import ToolCall
from backend.engine.pool import Pool
from backend.engine.runner import Completion, Finish, Logprob, Runner
from backend.errors import BadRequest
from backend.models.library import Library, OpenModel
from backend.prompts.fit import Prompt, fitted, prompt_of
from backend.registry.transfers import Transfers
from backend.settings import BackendSettings
from backend.web.wire import present

MAX_CONTEXTS = 10  # tokens of one reply, in contexts, where num_predict sets no bound


@dataclass(frozen=True, slots=True)
class Backend:
    """What the routes work with."""

    settings: BackendSettings
    library: Library
    pool: Pool[OpenModel]
    transfers: Transfers = field(default_factory=Transfers)


# Writes the prompt for a ready runner, given the tokens of room there are.
Prompter: TypeAlias = Callable[[Runner, int], Awaitable[Prompt]]
# The reader of the reply to a prompt's text.
Reading: TypeAlias = Callable[[str], ReplyReader]


@dataclass(frozen=True, slots=True)
class Generation:
    """A checked request for text, ready to run.

    `images` are the pictures that the prompt's marks name, `preserved` the control tokens that its
    reply is read by; `guarded` is set where a reply that only
    repeats itself is ended; `keeps_context` where the last step is to carry all the tokens.
    """

    model: OpenModel
    options: Options
    asked: GenerateRequest | ChatRequest
    prompter: Prompter
    reading: Reading
    json_schema: dict[str, Any] | None = None
    images: tuple[bytes, ...] = ()
    preserved: tuple[str, ...] = ()
    guarded: bool = False
    keeps_context: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt's text as the template wrote it, and how many pictures it shows."""

    text: str
    images: int

    def json(self) -> dict[str, Any]:
        """The `_debug_info` of an answer."""
        return {"rendered_template": self.text, "image_count": self.images}


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the reply; the last step has no part but `metrics`, and `context` where asked.

    `rendered` is all that a request which wanted no reply gets.
    """

    part: Part = NOTHING
    logprobs: tuple[Logprob, ...] = ()
    metrics: dict[str, Any] | None = None
    context: tuple[int, ...] = ()
    rendered: Rendered | None = None


def thinking(model: OpenModel, request: GenerateRequest | ChatRequest) -> bool | str | None:
    """The `think` in force: on where the model can and the request leaves it open."""
    if request.think is None and "thinking" in model.capabilities:
        return True
    return request.think


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
    if request.has_images and not model.content.projectors:
        raise BadRequest(f'"{model.asked}" does not support image input')
    return read_options(model.content.params, request.options)


async def load(backend: Backend, generation: Generation) -> None:
    """Make the model ready and let it be."""
    spec = generation.model.runner_spec(generation.options.load, backend.settings)
    keep_alive = generation.asked.keep_alive
    async with backend.pool.lease(generation.model, spec, keep_alive, slot=False):
        pass


async def unload(backend: Backend, model: OpenModel) -> None:
    """Unload every runner of these weights, now or when its last request ends."""
    await backend.pool.unload(lambda key: key.weights == model.content.weights)


async def run(backend: Backend, generation: Generation) -> AsyncGenerator[Step, None]:
    """The reply step by step; closing the generator stops the engine and ends the lease."""
    started = time.perf_counter_ns()
    asked = generation.asked
    spec = generation.model.runner_spec(generation.options.load, backend.settings)
    async with backend.pool.lease(generation.model, spec, asked.keep_alive) as runner:
        loaded = time.perf_counter_ns()
        prompt = await generation.prompter(runner, spec.load.num_ctx - 1)
        if asked.debug_render_only:
            shown = placed(prompt.text, generation.images)[1]
            yield Step(rendered=Rendered(prompt.text, len(shown)))
            return
        raw = ""
        async with aclosing(_reply(runner, generation, prompt, spec.load.num_ctx)) as steps:
            async for said in steps:
                raw += said.raw
                if said.part or (said.logprobs and said.finish is None):
                    yield Step(said.part, said.logprobs)
                if said.finish is not None:
                    context: tuple[int, ...] = ()
                    if generation.keeps_context:
                        context = (await prompt_of(runner, prompt.text + raw, prompt.bos)).tokens
                    yield Step(metrics=_metrics(said.finish, started, loaded), context=context)


def _reply(
    runner: Runner, generation: Generation, prompt: Prompt, window: int
) -> AsyncGenerator[Said, None]:
    course = _course(generation, prompt, window)
    reader = generation.reading(prompt.text)
    if reader.thinking is None or course.request.json_schema is None:
        return one_pass(runner, course, reader)

    async def onward(thought: str) -> Course:
        longer = await prompt_of(runner, prompt.text + thought, prompt.bos)
        return _course(generation, longer, window)

    return two_passes(runner, course, reader, onward)


def logprobs_json(logprobs: tuple[Logprob, ...]) -> list[dict[str, Any]]:
    """The `logprobs` list of a chunk."""
    return [
        _logprob_json(one) | present({"top_logprobs": [_logprob_json(other) for other in one.top]})
        for one in logprobs
    ]


def tool_call_json(call: ToolCall) -> dict[str, Any]:
    """A tool call as a message shows it; the arguments are an object, not JSON text."""
    function = {"index": call.index, "name": call.name, "arguments": call.arguments}
    return {"id": call.id, "function": function}


def _logprob_json(one: Logprob) -> dict[str, Any]:
    return {"token": one.token, "logprob": one.logprob, "bytes": list(one.bytes)}


def _course(generation: Generation, prompt: Prompt, window: int) -> Course:
    """The engine's request; raises ContextExceeded where the prompt may not be cut to fit."""
    asked, sampling = generation.asked, generation.options.sampling
    keep = prompt.kept(sampling.num_keep)
    cap = MAX_CONTEXTS * window
    tokens_allowed = min(sampling.num_predict, cap) if sampling.num_predict > 0 else cap
    text, images = placed(prompt.text, generation.images) if generation.images else ("", ())
    tokens = prompt.tokens
    if not images:  # those of pictures are known to the engine alone, which refuses too many
        tokens = fitted(tokens, window - 1, keep, truncate=asked.truncate, shift=asked.shift)
        if not asked.shift:
            tokens_allowed = min(tokens_allowed, window - len(tokens))
    if sampling.repeat_last_n < 0:  # the whole window; the engine knows no name for it
        sampling = replace(sampling, repeat_last_n=window)
    request = Completion(
        prompt=() if images else tokens,
        sampling=sampling,
        max_tokens=tokens_allowed,
        json_schema=generation.json_schema,
        top_logprobs=asked.wanted_logprobs,
        text=text,
        images=images,
        preserved=generation.preserved,
    )
    return Course(request, window, keep, guarded=generation.guarded)


def _metrics(finish: Finish, started: int, loaded: int) -> dict[str, Any]:
    return {
        "done_reason": finish.reason,
        "total_duration": time.perf_counter_ns() - started,
        "load_duration": max(loaded - started, 1),
        "prompt_eval_count": finish.prompt_tokens,
        "prompt_eval_duration": max(finish.prompt_ns, 1),
        "eval_count": finish.tokens,
        "eval_duration": max(finish.tokens_ns, 1),
    }
