"""POST /api/embed and the older /api/embeddings."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.answers.embed import embed_texts, open_model, shortened
from backend.answers.requests import EmbeddingsRequest, EmbedRequest, parse
from backend.errors import BadRequest, ModelNotFound
from backend.web.deps import BackendDep, BodyDep
from backend.web.streaming import unless_gone
from backend.web.wire import json_response, present

router = APIRouter()


@router.post("/api/embed")
async def embed(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    """A vector of length one for each text, in order."""
    asked = parse(EmbedRequest, body)
    if not asked.model.strip():
        raise ModelNotFound("model '' not found")
    inputs = asked.inputs
    model = open_model(backend, asked.model)
    done = await unless_gone(request, embed_texts(backend, model, asked, inputs))
    shown = {
        "model": asked.model,
        "embeddings": [shortened(vector, asked.dimensions) for vector in done.vectors],
    }
    metrics = {
        "total_duration": done.total_ns,
        "load_duration": done.load_ns,
        "prompt_eval_count": done.tokens,
    }
    return json_response(shown | present(metrics))


@router.post("/api/embeddings")
async def embeddings(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    """One vector for one text, as the model gives it; none for an empty text."""
    asked = parse(EmbeddingsRequest, body)
    if not asked.model.strip():
        raise BadRequest("model is required")
    model = open_model(backend, asked.model)
    whole = EmbedRequest(model=asked.model, options=asked.options)
    whole = whole.model_copy(update={"keep_alive": asked.keep_alive})
    inputs = [asked.prompt] if asked.prompt else []
    done = await unless_gone(request, embed_texts(backend, model, whole, inputs))
    return json_response({"embedding": done.vectors[0] if done.vectors else []})
