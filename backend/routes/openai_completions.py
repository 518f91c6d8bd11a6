"""POST /v1/completions."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.answers import generate as answer
from backend.answers.requests import parse
from backend.openai.completions import (
    CompletionRequest,
    CompletionStream,
    completion,
    generate_request,
)
from backend.openai.naming import Naming
from backend.web.deps import BackendDep, BodyDep
from backend.web.sse import openai_stream
from backend.web.streaming import streamed, unless_gone
from backend.web.wire import json_response

router = APIRouter()


@router.post("/v1/completions")
async def completions(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    """Continue a prompt."""
    asked = parse(CompletionRequest, body)
    chunks = answer.chunks(backend, generate_request(asked))
    naming = Naming.new("cmpl-")
    if asked.stream and not asked.debug_render_only:
        stream = CompletionStream(naming, include_usage=asked.include_usage)
        return await streamed(request, chunks, openai_stream(request, stream.chunks))
    whole = await unless_gone(request, answer.whole(chunks))
    return json_response(completion(whole, naming))
