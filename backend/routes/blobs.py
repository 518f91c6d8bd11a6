"""Files on their way to /api/create: HEAD and POST /api/blobs/sha256:<hex>."""

import errno
from collections.abc import AsyncIterator

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from backend.errors import StoreFailed
from backend.models.blobs import Blobs
from backend.registry.threads import in_thread
from backend.web.deps import BackendDep

router = APIRouter()
BATCH = 1 << 20  # bytes that are hashed and written at once, away from the event loop


@router.head("/api/blobs/{digest}")
async def blob_exists(backend: BackendDep, digest: str) -> Response:
    """200 where the blob is there, 404 where it is not."""
    return Response(status_code=200 if backend.library.store.blobs.has(digest) else 404)


@router.post("/api/blobs/{digest}")
async def upload(backend: BackendDep, digest: str, request: Request) -> Response:
    """201 where the body is now the blob; 200 where that was there already."""
    blobs = backend.library.store.blobs
    if blobs.has(digest):
        return Response(status_code=200)
    try:
        await _receive(blobs, digest, request)
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else str(error.strerror)
        raise StoreFailed(f"the blob could not be written: {reason}") from error
    return Response(status_code=201)


async def _receive(blobs: Blobs, digest: str, request: Request) -> None:
    with blobs.incoming() as blob:
        async for batch in _batches(request):
            await in_thread(blob.write, batch)
        await in_thread(blob.finish, digest)


async def _batches(request: Request) -> AsyncIterator[bytes]:
    waiting = bytearray()
    async for part in request.stream():
        waiting += part
        if len(waiting) >= BATCH:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)
