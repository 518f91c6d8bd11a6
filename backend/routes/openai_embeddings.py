"""POST /v1/embeddings."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.answers.embed import embed_texts, open_model, shortened
from backend.answers.requests import parse
from backend.errors import ModelNotFound
from backend.openai.embeddings import EmbeddingsRequest, embed_request, embedding_list
from backend.web.deps import BackendDep, BodyDep
from backend.web.streaming import unless_gone
from backend.web.wire import json_response

router = APIRouter()


@router.post("/v1/embeddings")
async def embeddings(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    """A vector of length one for each text, in order."""
    asked = parse(EmbeddingsRequest, body)
    as_base64 = asked.base64()
    wanted = embed_request(asked)
    if not asked.model.strip():
        raise ModelNotFound("model '' not found")
    model = open_model(backend, asked.model)
    done = await unless_gone(request, embed_texts(backend, model, wanted, wanted.inputs))
    vectors = [shortened(vector, asked.dimensions) for vector in done.vectors]
    return json_response(embedding_list(asked.model, vectors, done.tokens, as_base64=as_base64))
