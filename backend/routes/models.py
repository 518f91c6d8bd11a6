"""What is stored and what is loaded: /api/tags, /api/show, /api/ps."""

import asyncio
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from backend.answers.requests import ShowRequest, parse
from backend.engine.entry import Loaded
from backend.errors import BadRequest, ModelNotFound
from backend.models.config import details
from backend.models.library import Library, OpenModel
from backend.models.names import on_disk
from backend.models.show import shown_model
from backend.models.store import StoredModel
from backend.web.deps import BackendDep, BodyDep
from backend.web.wire import expiry, json_response, present, rfc3339

router = APIRouter()


@router.api_route("/api/tags", methods=["GET", "HEAD"])
async def tags(backend: BackendDep) -> Response:
    """Every stored model, newest first."""
    return json_response({"models": await asyncio.to_thread(_tags, backend.library)})


@router.post("/api/show")
async def show(backend: BackendDep, body: BodyDep) -> Response:
    """All there is to know about one model."""
    asked = parse(ShowRequest, body)
    text = (asked.model or asked.name).strip()
    if not text:
        raise BadRequest("model is required")
    try:
        model = backend.library.open(text)
    except ModelNotFound as error:
        raise ModelNotFound(f"model '{on_disk(text)}' not found") from error
    return json_response(await asyncio.to_thread(shown_model, model, asked))


@router.get("/api/ps")
async def ps(backend: BackendDep) -> Response:
    """The loaded models, the one that stays longest first.

    A model that answers and embeds has a runner for each here, and one in Ollama: it is shown once.
    """
    models: dict[Path, list[Loaded[OpenModel]]] = {}
    for one in backend.pool.loaded():
        models.setdefault(one.spec.key.weights, []).append(one)
    return json_response({"models": [_loaded(runners) for runners in models.values()]})


def _tags(library: Library) -> list[dict[str, Any]]:
    return [_tag(model, library.capabilities(model)) for model in library.store.models()]


def _tag(model: StoredModel, capabilities: list[str]) -> dict[str, Any]:
    remote = {key: model.config.get(key) for key in ("remote_model", "remote_host")}
    return {
        "name": str(model.name),
        "model": str(model.name),
        **present(remote),
        "modified_at": rfc3339(model.modified_at),
        "size": model.size,
        "digest": model.digest,
        "details": details(model.config),
        **present({"capabilities": capabilities}),
    }


def _loaded(runners: list[Loaded[OpenModel]]) -> dict[str, Any]:
    one = next((one for one in runners if not one.spec.key.embedding), runners[0])
    stored = one.label.stored
    return {
        "name": str(stored.name),
        "model": str(stored.name),
        # what it costs while it is loaded
        "size": sum(each.spec.memory.total for each in runners) or stored.size,
        "digest": stored.digest,
        "details": details(stored.config),
        "expires_at": expiry(runners[0].remaining),
        "size_vram": 0,
        "context_length": one.spec.load.num_ctx,
    }
