"""POST /v1/responses."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.answers import chat as answer
from backend.answers.requests import parse
from backend.openai.naming import Naming
from backend.openai.responses_reply import ResponseStream
from backend.openai.responses_request import ResponsesRequest, chat_request
from backend.web.deps import BackendDep, BodyDep
from backend.web.sse import named_stream
from backend.web.streaming import streamed, unless_gone
from backend.web.wire import json_response

router = APIRouter()


@router.post("/v1/responses")
async def responses(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    """Answer an input; nothing of it is kept."""
    asked = parse(ResponsesRequest, body)
    chunks = answer.chunks(backend, chat_request(asked))
    stream = ResponseStream(asked, Naming.new("resp_"))
    if asked.stream:
        return await streamed(request, chunks, named_stream(stream.events, stream.failed))
    whole = await unless_gone(request, answer.whole(chunks))
    return json_response(stream.whole(whole))
