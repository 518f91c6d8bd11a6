"""The answer of /api/generate, object by object; the OpenAI layer speaks through it too."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from backend.answers import generation
from backend.answers.chat import fitting
from backend.answers.generation import Backend, Generation, Step
from backend.answers.images import as_pngs, marked
from backend.answers.rendering import control_tokens, infill, reader
from backend.answers.reply import ReplyReader
from backend.answers.requests import GenerateRequest
from backend.engine.runner import Runner
from backend.errors import BadRequest, ModelNotFound, RunnerRejected
from backend.models.library import OpenModel
from backend.prompts.conversation import Conversation
from backend.prompts.fit import Prompt, prompt_of
from backend.prompts.form import PromptForm, prompt_form
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
    prepared = await _prepare(backend, model, asked)
    if not asked.prompt:
        await generation.load(backend, prepared)
        yield _idle(asked, "load")
        return
    async with aclosing(generation.run(backend, prepared)) as steps:
        async for step in steps:
            yield _shape(asked, step)


async def _prepare(backend: Backend, model: OpenModel, asked: GenerateRequest) -> Generation:
    options = generation.checked_options(backend, model, asked)
    if asked.suffix and "insert" not in model.capabilities:
        raise BadRequest(f"{model.stored.name.full} does not support insert")
    form = prompt_form(model, asked.template)
    conversation = _conversation(model, asked)

    def reading(prompt: str) -> ReplyReader:
        return reader(form, conversation, prompt)

    async def prompter(runner: Runner, room: int) -> Prompt:
        return await _prompt(runner, model, form, asked, conversation, room)

    return Generation(
        model=model,
        options=options,
        asked=asked,
        prompter=prompter,
        reading=reading,
        json_schema=asked.json_schema,
        images=await as_pngs(asked.images),
        preserved=control_tokens(form, conversation),
        guarded=not asked.raw,
        keeps_context=not asked.raw,
    )


def _conversation(model: OpenModel, asked: GenerateRequest) -> Conversation:
    numbers = list(range(len(asked.images)))
    prompt = marked(asked.prompt, numbers)
    if asked.raw:  # nothing is taken out of a reply to a prompt that only its author knows
        return Conversation((), prompt=prompt, think=asked.think)
    system = asked.system or model.content.system
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    if not asked.context:
        messages += map(dict, model.content.messages)
    messages.append({"role": "user", "content": prompt} | present({"images": numbers}))
    think = generation.thinking(model, asked)
    return Conversation(messages, think=think, prompt=prompt, suffix=asked.suffix)


async def _prompt(
    runner: Runner,
    model: OpenModel,
    form: PromptForm,
    asked: GenerateRequest,
    conversation: Conversation,
    room: int,
) -> Prompt:
    if asked.raw:
        return await prompt_of(runner, conversation.prompt, model.bos)
    gap = model.infill_tokens
    if asked.suffix and gap is not None and model.template is None:
        text = await infill(runner, gap, conversation.prompt, asked.suffix)
        return await prompt_of(runner, text, model.bos)
    cut = room if asked.truncate else None
    prompt = await fitting(runner, model, form, conversation, cut)
    if not asked.context:
        return prompt
    try:
        before = await runner.detokenize(asked.context)
    except RunnerRejected as error:  # its own sentence names a C++ function
        raise BadRequest("context holds numbers that are no tokens of this model") from error
    return await prompt_of(runner, before + prompt.text, model.bos)


def _shape(asked: GenerateRequest, step: Step) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "model": asked.model,
        "created_at": utc_now(),
        "response": step.part.content,
    }
    shown |= present({"thinking": step.part.thinking}) | {"done": step.metrics is not None}
    if step.metrics is not None:
        metrics = dict(step.metrics)
        shown["done_reason"] = metrics.pop("done_reason")
        shown |= present({"context": list(step.context)}) | present(metrics)
    if step.rendered is not None:
        shown["_debug_info"] = step.rendered.json()
    return shown | present({"logprobs": generation.logprobs_json(step.logprobs)})


async def whole(objects: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any]:
    """One object of all the chunks: texts and logprobs joined, the rest from the last."""
    texts: list[str] = []
    thoughts: list[str] = []
    logprobs: list[Any] = []
    last: dict[str, Any] = {}
    async with aclosing(objects):
        async for last in objects:
            texts.append(last["response"])
            thoughts.append(last.get("thinking", ""))
            logprobs += last.get("logprobs", [])
    head = {key: last[key] for key in ("model", "created_at")} | {"response": "".join(texts)}
    head |= present({"thinking": "".join(thoughts)})
    rest = {key: value for key, value in last.items() if key not in head}
    return head | rest | present({"logprobs": logprobs})


def _idle(asked: GenerateRequest, reason: str) -> dict[str, Any]:
    return {
        "model": asked.model,
        "created_at": utc_now(),
        "response": "",
        "done": True,
        "done_reason": reason,
    }
