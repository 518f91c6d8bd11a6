"""The end of a model: DELETE /api/delete."""

import asyncio

from fastapi import APIRouter
from starlette.responses import Response

from backend.answers.requests import parse
from backend.errors import BadRequest, InvalidName, ModelNotFound
from backend.models.names import on_disk
from backend.models.requests import DeleteRequest
from backend.web.deps import BackendDep, BodyDep

router = APIRouter()


@router.delete("/api/delete")
async def delete(backend: BackendDep, body: BodyDep) -> Response:
    """Remove a manifest, and each blob that no other one names. A loaded model stays loaded."""
    asked = parse(DeleteRequest, body)
    text = asked.model or asked.name
    if not text.strip():
        raise BadRequest("model is required")
    try:
        name = on_disk(text)
    except InvalidName as error:
        raise BadRequest(
            str(error) if "not both" in str(error) else f'name "{text}" is invalid'
        ) from error
    try:
        await asyncio.to_thread(backend.library.store.delete, name)
    except ModelNotFound as error:
        raise ModelNotFound(f"model '{text}' not found") from error
    return Response()
