"""POST /v1/messages, Anthropic's API."""

import secrets

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.answers import chat as answer
from backend.answers.requests import parse
from backend.anthropic.reply import MessageStream, message
from backend.anthropic.request import MessagesRequest, chat_request
from backend.web.deps import BackendDep, BodyDep
from backend.web.sse import named_stream
from backend.web.streaming import streamed, unless_gone
from backend.web.wire import json_response

router = APIRouter()


@router.post("/v1/messages")
async def messages(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    """Answer a conversation."""
    asked = parse(MessagesRequest, body)
    chunks = answer.chunks(backend, chat_request(asked))
    id_ = f"msg_{secrets.token_hex(12)}"
    if asked.stream:
        stream = MessageStream(id_)
        return await streamed(request, chunks, named_stream(stream.events, stream.failed))
    return json_response(message(await unless_gone(request, answer.whole(chunks)), id_))
