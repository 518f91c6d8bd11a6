"""POST /api/generate."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.answers import generate as answer
from backend.answers.requests import GenerateRequest, parse
from backend.web.deps import BackendDep, BodyDep
from backend.web.streaming import ndjson, unless_gone
from backend.web.wire import json_response

router = APIRouter()


@router.post("/api/generate")
async def generate(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    """Continue a prompt; with an empty prompt load or unload the model."""
    asked = parse(GenerateRequest, body)
    chunks = answer.chunks(backend, asked)
    if asked.stream and asked.prompt and not asked.debug_render_only:
        return await ndjson(request, chunks)
    return json_response(await unless_gone(request, answer.whole(chunks)))
