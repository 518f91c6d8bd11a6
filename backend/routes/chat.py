"""POST /api/chat."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend import generation
from backend.deps import BackendDep, BodyDep
from backend.errors import BadRequest
from backend.generation import Backend, Generation, Step
from backend.library import OpenModel
from backend.prompts import chat_tokens, fitted, renderer
from backend.requests import ChatRequest, parse
from backend.runner import Runner
from backend.streaming import ndjson, unless_gone
from backend.wire import json_response, present, utc_now

router = APIRouter()


@router.post("/api/chat")
async def chat(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    """Answer a conversation; without messages load or unload the model."""
    asked = parse(ChatRequest, body)
    asked.check()
    if not asked.model.strip():
        raise BadRequest("model is required")
    model = backend.library.open(asked.model)
    if not asked.messages and asked.keep_alive == 0:
        await generation.unload(backend, model)
        return json_response(_idle(asked, "unload"))
    prepared = _prepare(backend, model, asked)
    if not asked.messages:
        await unless_gone(request, generation.load(backend, prepared))
        return json_response(_idle(asked, "load"))
    objects = _objects(backend, prepared, asked)
    if asked.stream:
        return await ndjson(request, objects)
    return json_response(await unless_gone(request, _whole(objects)))


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


async def _objects(
    backend: Backend, prepared: Generation, asked: ChatRequest
) -> AsyncGenerator[dict[str, Any], None]:
    async with aclosing(generation.run(backend, prepared)) as steps:
        async for step in steps:
            yield _shape(asked, step)


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


async def _whole(objects: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any]:
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
