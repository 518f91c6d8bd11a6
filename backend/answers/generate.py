"""The answer of /api/generate, object by object; the OpenAI layer speaks through it too."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from backend.answers import generation
from backend.answers.generation import Backend, Generation, Step
from backend.answers.requests import GenerateRequest
from backend.engine.runner import Runner
from backend.errors import BadRequest, ModelNotFound
from backend.models.library import OpenModel
from backend.prompts.fit import chat_tokens, fitted, renderer
from backend.web.wire import present, utc_now


async def chunks(backend: Backend, asked: GenerateRequest) -> AsyncGenerator[dict[str, Any], None]:
    """The objects of the answer in order; a load or unload gives one.

    Errors of the request are raised before the first. Closing the generator stops the engine.
    """
    asked.check()
    if not asked.model.strip():
        raise ModelNotFound("model '' not found")
    model = backend.library.open(asked.model)
    if not asked.prompt and asked.keep_alive == 0:
        await generation.unload(backend, model)
        yield _idle(asked, "unload")
        return
    prepared = _prepare(backend, model, asked)
    if not asked.prompt:
        await generation.load(backend, prepared)
        yield _idle(asked, "load")
        return
    async with aclosing(generation.run(backend, prepared)) as steps:
        async for step in steps:
            yield _shape(asked, step)


def _prepare(backend: Backend, model: OpenModel, asked: GenerateRequest) -> Generation:
    if asked.images:
        raise BadRequest(f'"{asked.model}" does not support image input')
    if asked.suffix and "insert" not in model.capabilities:
        raise BadRequest(f"{model.stored.name.full} does not support insert")
    if asked.suffix:
        raise BadRequest("suffix is not supported by this version of the backend")
    options = generation.checked_options(backend, model, asked)
    keep = options.sampling.num_keep

    async def prompter(runner: Runner, room: int) -> tuple[int, ...]:
        tokens = await _tokens(runner, model, asked)
        return fitted(tokens, room, keep, truncate=asked.truncate, shift=asked.shift)

    return Generation(
        model, options, asked.keep_alive, prompter, asked.json_schema, asked.wanted_logprobs
    )


async def _tokens(runner: Runner, model: OpenModel, asked: GenerateRequest) -> tuple[int, ...]:
    if asked.raw:
        return tuple(await runner.tokenize(asked.prompt, special=True))
    system = model.content.system if asked.system is None else asked.system
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    if not asked.context:
        messages += map(dict, model.content.messages)
    messages.append({"role": "user", "content": asked.prompt})
    extras = {} if asked.think is None else _thinking(asked.think)
    render = renderer(model, runner, extras, asked.template)
    # One turn cannot be shortened by dropping messages: the cut in `fitted` is the only one here.
    tokens = await chat_tokens(runner, render, messages, 0, truncate=False)
    return (*asked.context, *tokens)


def _thinking(think: bool | str) -> dict[str, Any]:
    return {"chat_template_kwargs": {"enable_thinking": bool(think)}}


def _shape(asked: GenerateRequest, step: Step) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "model": asked.model,
        "created_at": utc_now(),
        "response": step.piece.text,
        "done": step.metrics is not None,
    }
    if step.metrics is not None:
        metrics = dict(step.metrics)
        shown["done_reason"] = metrics.pop("done_reason")
        if not asked.raw:
            shown["context"] = list(step.context)
        shown |= present(metrics)
    return shown | present({"logprobs": generation.logprobs_json(step.piece.logprobs)})


async def whole(objects: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any]:
    """One object of all the chunks: text and logprobs joined, the rest from the last."""
    texts: list[str] = []
    logprobs: list[Any] = []
    last: dict[str, Any] = {}
    async with aclosing(objects):
        async for last in objects:
            texts.append(last["response"])
            logprobs += last.get("logprobs", [])
    return last | {"response": "".join(texts)} | present({"logprobs": logprobs})


def _idle(asked: GenerateRequest, reason: str) -> dict[str, Any]:
    return {
        "model": asked.model,
        "created_at": utc_now(),
        "response": "",
        "done": True,
        "done_reason": reason,
    }
