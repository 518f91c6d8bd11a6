"""POST /v1/audio/transcriptions: refused in so many words, as no engine here hears."""

from collections.abc import AsyncGenerator

from fastapi import APIRouter, Request
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import Response

from backend.errors import BadRequest
from backend.web.deps import BackendDep
from backend.web.wire import MAX_BODY

router = APIRouter()


@router.post("/v1/audio/transcriptions")
async def transcriptions(request: Request, backend: BackendDep) -> Response:
    """Raise 404 for an absent model, 400 for one that is there: none can transcribe."""
    name = await _model(request)
    if not name:
        raise BadRequest("model is required")
    backend.library.open(name)
    raise BadRequest(f'"{name}" does not support audio input')


async def _model(request: Request) -> str:
    """The `model` field of the form; the file is read past, as a client waits for that."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise BadRequest("a transcription is asked for as multipart/form-data")
    try:
        form = await MultiPartParser(request.headers, _bounded(request), max_files=1).parse()
    except MultiPartException as error:
        raise BadRequest(f"the form cannot be read: {error.message}") from error
    except KeyError as error:  # the header names no boundary
        raise BadRequest("the form cannot be read: no boundary is named") from error
    try:
        found = form.get("model")
        return found.strip() if isinstance(found, str) else ""
    finally:
        await form.close()


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise MultiPartException(f"it is larger than {MAX_BODY >> 20} MB")
        yield part
