"""A second name for a model: POST /api/copy."""

import asyncio

from fastapi import APIRouter
from starlette.responses import Response

from backend.answers.requests import parse
from backend.errors import BadRequest, InvalidName, ModelNotFound
from backend.models.names import ModelName, on_disk
from backend.models.requests import CopyRequest
from backend.web.deps import BackendDep, BodyDep

router = APIRouter()


@router.post("/api/copy")
async def copy(backend: BackendDep, body: BodyDep) -> Response:
    """Copy a manifest; its blobs are shared."""
    asked = parse(CopyRequest, body)
    source = _named("source", asked.source)
    destination = _named("destination", asked.destination)
    try:
        await asyncio.to_thread(backend.library.store.copy, source, destination)
    except ModelNotFound as error:
        raise ModelNotFound(f'model "{asked.source}" not found') from error
    return Response()


def _named(which: str, text: str) -> ModelName:
    try:
        return on_disk(text)
    except InvalidName as error:
        raise BadRequest(
            str(error) if "not both" in str(error) else f'{which} "{text}" is invalid'
        ) from error
