"""POST /v1/chat/completions and /v1/embeddings in OpenAI's shape; a collection is a model."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from app.answering.records import Question
from app.deps import ServicesDep
from app.disconnect import ClientGone, until_disconnect
from app.error_handlers import problem
from app.errors import InvalidRequest
from app.openai_chat import Said, from_collection, from_model
from app.openai_route import OpenAIRoute
from app.openai_shape import ChatRequest, EmbeddingsRequest, Envelope, error_json
from app.routers.query import CLIENT_CLOSED_REQUEST
from app.wiring import Services
from storage.errors import InvalidName, UnknownCollection

router = APIRouter(prefix="/v1", tags=["openai"], route_class=OpenAIRoute)

log = logging.getLogger("ragstone.openai")

MOST_TEXTS = 256
"""Texts of one embeddings request."""


@router.post("/chat/completions", response_model=None)
async def chat_completions(
    body: ChatRequest, request: Request, services: ServicesDep
) -> Response | dict[str, Any]:
    """Answer the last user message: from the collection named as `model`, or by a plain model.

    The reply carries the field `ragstone` with sources and checked sentences, in a stream on
    its last chunk. A collection's answer is streamed sentence by sentence, once checked.
    """
    parts = await _reply(body, services)
    envelope = Envelope(body.model)
    if body.stream:
        first = await anext(parts, None)
        return StreamingResponse(
            _frames(envelope, body, first, parts), media_type="text/event-stream"
        )
    try:
        said = await until_disconnect(request, _whole(parts))
    except ClientGone:
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    return {**envelope.completion(said.text, said.usage, said.finish), **said.extra}


@router.post("/embeddings")
async def embeddings(body: EmbeddingsRequest, services: ServicesDep) -> dict[str, Any]:
    """Embed texts with the service's own embedding model, whatever `model` says."""
    texts = [body.input] if isinstance(body.input, str) else body.input
    if not 0 < len(texts) <= MOST_TEXTS:
        raise InvalidRequest(f"`input` takes 1 to {MOST_TEXTS} texts, not {len(texts)}.")
    embedder = services.embedder
    vectors = await asyncio.to_thread(embedder.embed_passages, texts)
    tokens = await asyncio.to_thread(lambda: sum(map(embedder.count_tokens, texts)))
    as_text = body.encoding_format == "base64"
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(vector.astype("<f4").tobytes()).decode()
            if as_text
            else [float(value) for value in vector],
        }
        for index, vector in enumerate(vectors)
    ]
    return {
        "object": "list",
        "data": data,
        "model": embedder.identity.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


async def _reply(body: ChatRequest, services: Services) -> AsyncGenerator[Said, None]:
    try:
        found = await asyncio.to_thread(services.catalogue.collections.get, body.model)
    except (UnknownCollection, InvalidName):
        return from_model(body, services.chat_model)
    question = Question(body.last_question(), collection=found.name)
    return from_collection(services.answerer.answer(question))


async def _whole(parts: AsyncGenerator[Said, None]) -> Said:
    said = Said()
    async with aclosing(parts):
        async for part in parts:
            said = part.after(said)
    return said


async def _frames(
    envelope: Envelope, body: ChatRequest, first: Said | None, parts: AsyncGenerator[Said, None]
) -> AsyncGenerator[str, None]:
    said = Said()
    yield _data(envelope.chunk({"role": "assistant", "content": ""}))
    try:
        async with aclosing(parts):
            part = first
            while part is not None:
                if part.text:
                    yield _data(envelope.chunk({"content": part.text}))
                said = part.after(said)
                part = await anext(parts, None)
    except Exception as error:  # the status is sent: an error can only be the last event
        log.exception("stream broke off")
        status, body_json = problem(error)
        yield _data(error_json(status, body_json["code"], body_json["detail"]))
        return
    yield _data({**envelope.chunk({}, said.finish), **said.extra})
    if body.stream_options and body.stream_options.include_usage:
        yield _data(envelope.usage_chunk(said.usage))
    yield "data: [DONE]\n\n"


def _data(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
