"""What is stored and what is loaded: /api/tags, /api/show, /api/ps."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from backend.answers.requests import ShowRequest, parse
from backend.engine.pool import Loaded
from backend.errors import BadRequest, ModelNotFound
from backend.models.config import details
from backend.models.library import OpenModel
from backend.models.names import ModelName
from backend.models.show import shown_model
from backend.models.store import StoredModel
from backend.web.deps import BackendDep, BodyDep
from backend.web.wire import expiry, json_response, rfc3339

router = APIRouter()


@router.api_route("/api/tags", methods=["GET", "HEAD"])
async def tags(backend: BackendDep) -> Response:
    """Every stored model, newest first."""
    return json_response({"models": [_tag(model) for model in backend.library.store.models()]})


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
        raise ModelNotFound(f"model '{ModelName.parse(text)}' not found") from error
    return json_response(shown_model(model, asked))


@router.get("/api/ps")
async def ps(backend: BackendDep) -> Response:
    """The loaded models, the one that stays longest first."""
    return json_response({"models": [_loaded(one) for one in backend.pool.loaded()]})


def _tag(model: StoredModel) -> dict[str, Any]:
    return {
        "name": str(model.name),
        "model": str(model.name),
        "modified_at": rfc3339(model.modified_at),
        "size": model.size,
        "digest": model.digest,
        "details": details(model.config),
    }


def _loaded(one: Loaded[OpenModel]) -> dict[str, Any]:
    stored = one.label.stored
    return {
        "name": str(stored.name),
        "model": str(stored.name),
        "size": stored.size,
        "digest": stored.digest,
        "details": details(stored.config),
        "expires_at": expiry(one.remaining),
        "size_vram": 0,
        "context_length": one.spec.load.num_ctx,
    }
