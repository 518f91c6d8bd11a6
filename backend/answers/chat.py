"""The answer of /api/chat, object by object; the OpenAI layer speaks through it too."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from backend.answers import generation
from backend.answers.generation import Backend, Generation, Step
from backend.answers.images import as_pngs, marked
from backend.answers.rendering import control_tokens, reader, written
from backend.answers.reply import Part, ReplyReader
from backend.answers.requests import ChatRequest
from backend.engine.runner import Runner
from backend.errors import BadRequest
from backend.models.library import OpenModel
from backend.prompts.conversation import Conversation, Message
from backend.prompts.earlier_thinking import without_earlier_thinking
from backend.prompts.fit import Prompt, conversation_prompt
from backend.prompts.form import PromptForm, prompt_form
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
    prepared = await _prepare(backend, model, asked)
    if not asked.messages:
        await generation.load(backend, prepared)
        yield _idle(asked, "load")
        return
    async with aclosing(generation.run(backend, prepared)) as steps:
        async for step in steps:
            for shown in _shapes(asked, step):
                yield shown


async def _prepare(backend: Backend, model: OpenModel, asked: ChatRequest) -> Generation:
    options = generation.checked_options(backend, model, asked)
    if asked.tools and "tools" not in model.capabilities:
        raise BadRequest(f"{model.stored.name.full} does not support tools")
    form = prompt_form(model)
    messages = without_earlier_thinking(model, _messages(model, asked))
    conversation = Conversation(messages, asked.tools, generation.thinking(model, asked))

    def reading(prompt: str) -> ReplyReader:
        return reader(form, conversation, prompt)

    async def prompter(runner: Runner, room: int) -> Prompt:
        return await fitting(runner, model, form, conversation, room if asked.truncate else None)

    return Generation(
        model=model,
        options=options,
        asked=asked,
        prompter=prompter,
        reading=reading,
        json_schema=asked.json_schema,
        images=await as_pngs([image for one in asked.messages for image in one.images or ()]),
        preserved=control_tokens(form, conversation),
        guarded=form.go is not None,
    )


async def fitting(
    runner: Runner, model: OpenModel, form: PromptForm, conversation: Conversation, room: int | None
) -> Prompt:
    """The conversation's prompt, oldest messages dropped to fit `room` tokens (None: all kept)."""

    async def write(messages: Sequence[Message]) -> str:
        return await written(runner, form, replace(conversation, messages=messages))

    return await conversation_prompt(runner, write, conversation.messages, room, model.bos)


def _messages(model: OpenModel, asked: ChatRequest) -> list[dict[str, Any]]:
    given, count = [], 0
    for message in asked.messages:
        shown = message.model_dump(exclude_none=True, exclude={"images"})
        if message.images:
            shown["images"] = list(range(count, count + len(message.images)))
            shown["content"] = marked(message.content, shown["images"])
            count += len(message.images)
        given.append(shown)
    messages: list[dict[str, Any]] = [*map(dict, model.content.messages), *given]
    if model.content.system and given and given[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": model.content.system})
    return messages


def _shapes(asked: ChatRequest, step: Step) -> list[dict[str, Any]]:
    """One chunk of the stream; two where content and tool calls come at once."""
    if step.part.content and step.part.tool_calls:
        calls = replace(step, part=Part(tool_calls=step.part.tool_calls), logprobs=())
        return [_shape(asked, replace(step, part=replace(step.part, tool_calls=()))),
                _shape(asked, calls)]  # fmt: skip
    return [_shape(asked, step)]


def _shape(asked: ChatRequest, step: Step) -> dict[str, Any]:
    message = {"role": "assistant", "content": step.part.content} | present(
        {
            "thinking": step.part.thinking,
            "tool_calls": [generation.tool_call_json(call) for call in step.part.tool_calls],
        }
    )
    if step.rendered is not None:
        message = {"role": "", "content": ""}
    shown: dict[str, Any] = {
        "model": asked.model,
        "created_at": utc_now(),
        "message": message,
        "done": step.metrics is not None,
    }
    metrics = dict(step.metrics or {})
    if metrics:
        shown["done_reason"] = metrics.pop("done_reason")
    if step.rendered is not None:
        shown["_debug_info"] = step.rendered.json()
    logprobs = generation.logprobs_json(step.logprobs)
    return shown | present({"logprobs": logprobs}) | present(metrics)


async def whole(objects: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any]:
    """One object of all the chunks: texts, calls and logprobs joined, the rest from the last."""
    said: list[dict[str, Any]] = []
    logprobs: list[Any] = []
    last: dict[str, Any] = {}
    async with aclosing(objects):
        async for last in objects:
            said.append(last["message"])
            logprobs += last.get("logprobs", [])
    message = {
        "role": last["message"]["role"],
        "content": "".join(one["content"] for one in said),
    } | present(
        {
            "thinking": "".join(one.get("thinking", "") for one in said),
            "tool_calls": [call for one in said for call in one.get("tool_calls", ())],
        }
    )
    return _with(last, message, logprobs)


def _with(last: dict[str, Any], message: dict[str, Any], logprobs: list[Any]) -> dict[str, Any]:
    # The keys keep the order that a Go struct gives them: logprobs stand before the metrics.
    whole: dict[str, Any] = {}
    for key, value in last.items():
        if key == "total_duration":
            whole |= present({"logprobs": logprobs})
        whole[key] = value
    return whole | {"message": message} | present({"logprobs": logprobs})


def _idle(asked: ChatRequest, reason: str) -> dict[str, Any]:
    return {
        "model": asked.model,
        "created_at": utc_now(),
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": reason,
    }
