"""A model from files or another model: POST /api/create."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from backend.answers.requests import parse
from backend.models.create import create
from backend.models.requests import CreateRequest
from backend.web.deps import BackendDep, BodyDep
from backend.web.progress import reported

router = APIRouter()


@router.post("/api/create")
async def create_model(backend: BackendDep, body: BodyDep, request: Request) -> Response:
    """Report each step, or only the last one; a client that leaves ends it."""
    asked = parse(CreateRequest, body)
    return await reported(request, create(backend, asked), stream=asked.stream)
