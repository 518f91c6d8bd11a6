"""POST /v1/chat/completions."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.answers import chat as answer
from backend.answers.requests import parse
from backend.openai.chat_reply import ChatStream, completion
from backend.openai.chat_request import ChatCompletionRequest, chat_request
from backend.openai.naming import Naming
from backend.web.deps import BackendDep, BodyDep
from backend.web.sse import openai_stream
from backend.web.streaming import streamed, unless_gone
from backend.web.wire import json_response

router = APIRouter()


@router.post("/v1/chat/completions")
async def chat_completions(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    """Answer a conversation."""
    asked = parse(ChatCompletionRequest, body)
    chunks = answer.chunks(backend, chat_request(asked))
    naming = Naming.new("chatcmpl-")
    if asked.stream and not asked.debug_render_only:
        stream = ChatStream(naming, include_usage=asked.include_usage)
        return await streamed(request, chunks, openai_stream(request, stream.chunks))
    whole = await unless_gone(request, answer.whole(chunks))
    return json_response(completion(whole, naming))
