"""A model to its registry: POST /api/push."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from backend.answers.requests import parse
from backend.errors import BadRequest
from backend.registry.requests import TransferRequest
from backend.web.deps import BackendDep, BodyDep
from backend.web.progress import reported

router = APIRouter()


@router.post("/api/push")
async def push_model(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    """Report what goes, or only the end; a client that leaves ends it."""
    asked = parse(TransferRequest, body)
    if not asked.asked:
        raise BadRequest("model is required")
    from backend.registry.push import push  # its HTTP client would slow the start

    lines = push(backend, asked.asked, insecure=asked.insecure)
    return await reported(request, lines, stream=asked.stream)
