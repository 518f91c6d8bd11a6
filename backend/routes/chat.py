"""POST /api/chat."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.answers import chat as answer
from backend.answers.requests import ChatRequest, parse
from backend.web.deps import BackendDep, BodyDep
from backend.web.streaming import ndjson, unless_gone
from backend.web.wire import json_response

router = APIRouter()


@router.post("/api/chat")
async def chat(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    """Answer a conversation; without messages load or unload the model."""
    asked = parse(ChatRequest, body)
    chunks = answer.chunks(backend, asked)
    if asked.stream and asked.messages and not asked.debug_render_only:
        return await ndjson(request, chunks)
    return json_response(await unless_gone(request, answer.whole(chunks)))
