"""The answer of /api/chat, object by object; the OpenAI layer speaks through it too."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from backend.answers import generation
from backend.answers.generation import Backend, Generation, Step
from backend.answers.requests import ChatRequest
from backend.engine.runner import Runner
from backend.errors import BadRequest
from backend.models.library import OpenModel
from backend.prompts.fit import chat_tokens, fitted, renderer
from backend.web.wire import present, utc_now


async def chunks(backend: Backend, asked: ChatRequest) -> AsyncGenerator[dict[str, Any], None]:
    """The objects of the answer in order; a load or unload gives one.

    Errors of the request are raised before the first. Closing the generator stops the engine.
    """
    asked.check()
    if not asked.model.strip():
        raise BadRequest("model is required")
    model = backend.library.open(asked.model)
    if not asked.messages and asked.keep_alive == 0:
        await generation.unload(backend, model)
        yield _idle(asked, "unload")
        return
    prepared = _prepare(backend, model, asked)
    if not asked.messages:
        await generation.load(backend, prepared)
        yield _idle(asked, "load")
        return
    async with aclosing(generation.run(backend, prepared)) as steps:
        async for step in steps:
            yield _shape(asked, step)


def _prepare(backend: Backend, model: OpenModel, asked: ChatRequest) -> Generation:
    if any(message.images for message in asked.messages):
        raise BadRequest(f'"{asked.model}" does not support image input')
    if asked.tools and "tools" not in model.capabilities:
        raise BadRequest(f"{model.stored.name.full} does not support tools")
    options = generation.checked_options(backend, model, asked)
    messages = _messages(model, asked)
    extras: dict[str, Any] = present({"tools": asked.tools})
    if asked.think is not None:
        extras["chat_template_kwargs"] = {"enable_thinking": bool(asked.think)}

    async def prompter(runner: Runner, room: int) -> tuple[int, ...]:
        render = renderer(model, runner, extras)
        tokens = await chat_tokens(runner, render, messages, room, truncate=asked.truncate)
        keep = options.sampling.num_keep
        return fitted(tokens, room, keep, truncate=asked.truncate, shift=asked.shift)

    return Generation(
        model, options, asked.keep_alive, prompter, asked.json_schema, asked.wanted_logprobs
    )


def _messages(model: OpenModel, asked: ChatRequest) -> list[dict[str, Any]]:
    given = [message.model_dump(exclude_none=True) for message in asked.messages]
    messages: list[dict[str, Any]] = [*map(dict, model.content.messages), *given]
    if model.content.system and given and given[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": model.content.system})
    return messages


def _shape(asked: ChatRequest, step: Step) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "model": asked.model,
        "created_at": utc_now(),
        "message": {"role": "assistant", "content": step.piece.text},
        "done": step.metrics is not None,
    }
    metrics = dict(step.metrics or {})
    if metrics:
        shown["done_reason"] = metrics.pop("done_reason")
    logprobs = generation.logprobs_json(step.piece.logprobs)
    return shown | present({"logprobs": logprobs}) | present(metrics)


async def whole(objects: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any]:
    """One object of all the chunks: text and logprobs joined, the rest from the last."""
    texts: list[str] = []
    logprobs: list[Any] = []
    last: dict[str, Any] = {}
    async with aclosing(objects):
        async for last in objects:
            texts.append(last["message"]["content"])
            logprobs += last.get("logprobs", [])
    message = {"role": "assistant", "content": "".join(texts)}
    return last | {"message": message} | present({"logprobs": logprobs})


def _idle(asked: ChatRequest, reason: str) -> dict[str, Any]:
    return {
        "model": asked.model,
        "created_at": utc_now(),
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": reason,
    }
