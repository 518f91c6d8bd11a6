"""A model from files or from another model, told step by step: the work behind /api/create.

Whatever a request can get wrong is found before the first line, so that it is an error status and
not a line in a stream.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from backend.answers.generation import Backend
from backend.errors import BadRequest, CloudModel, InvalidName, ModelNotFound, TemplateError
from backend.models import imports
from backend.models.config import config_of, human_count
from backend.models.create_info import apply_info
from backend.models.manifests import LAYER_TYPE
from backend.models.merge import merged
from backend.models.names import ModelName, on_disk, to_run
from backend.models.quantize import check_target, quantized, source_type
from backend.models.recipe import Recipe
from backend.models.requests import CreateRequest
from backend.models.store import ModelStore
from backend.prompts.go_template import go_template
from backend.registry.threads import in_thread

CAPABILITIES = (
    "completion",
    "tools",
    "insert",
    "vision",
    "embedding",
    "thinking",
    "image",
    "audio",
)
_SEMVER = re.compile(r"v?(\d+(\.\d+){0,2}([-+][0-9A-Za-z.+-]+)?)")


async def create(backend: Backend, asked: CreateRequest) -> AsyncGenerator[dict[str, Any], None]:
    """Progress lines until the model stands; closing the generator leaves at most unnamed blobs.

    Raises BadRequest, InvalidName, CloudModel, TemplateError or InvalidModel, and what a pull of
    the base model raises.
    """
    store = backend.library.store
    name = _checked(asked)
    if asked.from_:
        base = _model_named(asked.from_)
        async with aclosing(_fetched(backend, base)) as lines:
            async for line in lines:
                yield line
        recipe = await in_thread(_from_model, store, base, asked)
    else:
        found = await in_thread(imports.parts, store.blobs, asked.files or {})
        models = imports.models(found)
        recipe = await in_thread(_from_files, store, found, asked)
        for _ in found:
            yield {"status": "parsing GGUF"}
        if len(models) > 1:
            yield {"status": f"merging {len(models)} parts of the model"}
            recipe.layers.insert(0, await in_thread(merged, store.blobs, models))
    if target := asked.quantize or asked.quantization:
        async with aclosing(quantized(store.blobs, recipe, target)) as lines:
            async for line in lines:
                yield line
    await in_thread(_season, recipe, asked)
    for status in recipe.statuses():
        yield {"status": status}
    yield {"status": "writing manifest"}
    prune = not backend.settings.noprune
    await in_thread(lambda: recipe.publish(store.spelled(name), prune=prune))
    yield {"status": "success"}


def _checked(asked: CreateRequest) -> ModelName:
    """The name to create; raises what the request alone shows to be wrong."""
    try:
        name = on_disk(asked.model or asked.name)
    except InvalidName as error:
        raise BadRequest("invalid model name") from error
    _check_files(asked)
    _check_template(asked.template)
    if asked.requires and not _SEMVER.fullmatch(asked.requires):
        raise BadRequest("requires must be a valid semver (e.g. 0.14.0)")
    for capability in asked.capabilities:
        if capability not in CAPABILITIES:
            raise BadRequest(f'unknown capability: "{capability}"')
    if target := asked.quantize or asked.quantization:
        check_target(target)
    apply_info({}, asked.info)
    return name


def _check_template(source: str) -> None:
    try:
        if source:
            go_template(source)
    except TemplateError as error:  # the same sentence, but here it is the request that is wrong
        said = str(error).removeprefix("template error: ")
        raise BadRequest(f"template error: {said}") from error


def _check_files(asked: CreateRequest) -> None:
    for files in (asked.files, asked.adapters, asked.draft_files):
        imports.check_files(files)
    if asked.remote_host:
        raise CloudModel("models of a remote host are not available; this server runs local ones")
    if not asked.from_ and asked.files is None:
        raise BadRequest("neither 'from' or 'files' was specified")
    if len(asked.adapters or {}) > 1:
        raise BadRequest("only one adapter is currently supported")


def _model_named(text: str) -> ModelName:
    try:
        return to_run(text)
    except InvalidName as error:
        raise BadRequest("invalid model name") from error


async def _fetched(backend: Backend, base: ModelName) -> AsyncGenerator[dict[str, Any], None]:
    """The lines of a pull where the base model is not here; none where it is."""
    try:
        await in_thread(backend.library.store.get, base)
    except ModelNotFound:
        from backend.registry.pull import pull  # its HTTP client would slow the start

        async with aclosing(pull(backend, base.full)) as lines:
            async for line in lines:
                if line.get("status") != "success":  # that word is the end of the whole
                    yield line


def _from_model(store: ModelStore, base: ModelName, asked: CreateRequest) -> Recipe:
    stored = store.get(base)
    layers = [replace(layer, from_=str(stored.name)) for layer in stored.layers]
    recipe = Recipe(store, stored.config, layers)
    beside = imports.parts(store.blobs, asked.files) if asked.files else []
    if imports.by_kind(beside, "model"):
        raise BadRequest("give either 'from' or a model file among 'files', not both")
    recipe.layers += [part.layer for part in beside]
    _add_adapters(store, recipe, str(stored.config.get("model_family") or "unknown"), asked)
    return recipe


def _from_files(store: ModelStore, found: list[imports.Part], asked: CreateRequest) -> Recipe:
    """Everything but the parts of a model in several files, which are merged later."""
    models = imports.models(found)
    if asked.quantize or asked.quantization:
        for part in models:
            source_type(part.header)  # raises, before the first line is out
    recipe = Recipe(store, config_of(models[0].header), [])
    if len(models) > 1:
        recipe.config["model_type"] = human_count(sum(m.header.parameter_count for m in models))
        found = [part for part in found if part not in models]
    recipe.layers = [part.layer for part in found]
    _add_adapters(store, recipe, models[0].header.architecture, asked)
    return recipe


def _add_adapters(
    store: ModelStore, recipe: Recipe, architecture: str, asked: CreateRequest
) -> None:
    if asked.adapters:
        recipe.layers += imports.adapters(store.blobs, asked.adapters, architecture)
    for part in imports.parts(store.blobs, asked.draft_files) if asked.draft_files else []:
        recipe.layers.append(replace(part.layer, media_type=LAYER_TYPE + "draft"))
        drafter = part.header.architecture
        recipe.config["draft"] = {"model_format": "gguf", "architecture": drafter}


def _season(recipe: Recipe, asked: CreateRequest) -> None:
    """Everything of the request that is no weights."""
    given = {"renderer": asked.renderer, "parser": asked.parser,
             "requires": asked.requires.removeprefix("v")}  # fmt: skip
    recipe.config |= {key: value for key, value in given.items() if value}
    apply_info(recipe.config, asked.info)
    if asked.capabilities:
        known = recipe.config.get("capabilities") or []
        recipe.config["capabilities"] = list(dict.fromkeys([*known, *asked.capabilities]))
    if asked.template:
        recipe.replace_template(asked.template)
    if asked.system:
        recipe.replace_system(asked.system)
    for text in asked.licenses:
        recipe.add_license(text)
    if asked.parameters:
        recipe.merge_parameters(asked.parameters)
    if asked.messages:
        recipe.replace_messages([one.model_dump() for one in asked.messages])
