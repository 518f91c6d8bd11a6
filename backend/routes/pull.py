"""A model from its registry: POST /api/pull."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from backend.answers.requests import parse
from backend.errors import InvalidName
from backend.registry.requests import TransferRequest
from backend.web.deps import BackendDep, BodyDep
from backend.web.progress import reported

router = APIRouter()


@router.post("/api/pull")
async def pull_model(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    """Report what comes, or only the end; a client that leaves ends it, and what came is kept."""
    asked = parse(TransferRequest, body)
    if not asked.asked:
        raise InvalidName("invalid model name")
    from backend.registry.pull import pull  # its HTTP client would slow the start

    lines = pull(backend, asked.asked, insecure=asked.insecure)
    return await reported(request, lines, stream=asked.stream)
