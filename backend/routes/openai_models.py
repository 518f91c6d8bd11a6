"""GET /v1/models and /v1/models/{model}."""

from fastapi import APIRouter
from starlette.responses import Response

from backend.openai.model_list import model_entry, model_list
from backend.web.deps import BackendDep
from backend.web.wire import json_response

router = APIRouter()


@router.get("/v1/models")
async def models(backend: BackendDep) -> Response:
    """Every stored model, newest first."""
    return json_response(model_list(backend.library.store.models()))


@router.get("/v1/models/{model}")
async def model(backend: BackendDep, model: str) -> Response:
    """One model; a name with a slash finds no route, in Ollama too."""
    return json_response(model_entry(backend.library.open(model).stored, model))
