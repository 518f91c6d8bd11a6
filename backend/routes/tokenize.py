"""POST /api/tokenize, Ragstone's one extension: a prompt budget needs the model's own count."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.answers.generation import Backend
from backend.answers.options import read_options
from backend.answers.requests import TokenizeRequest, parse
from backend.errors import BadRequest
from backend.models.library import OpenModel
from backend.web.deps import BackendDep, BodyDep
from backend.web.streaming import unless_gone
from backend.web.wire import json_response

router = APIRouter()


@router.post("/api/tokenize")
async def tokenize(request: Request, backend: BackendDep, body: BodyDep) -> Response:
    """`{model, content, add_special?}` → `{tokens, count}`; loads the model like any request."""
    asked = parse(TokenizeRequest, body)
    if not asked.model.strip():
        raise BadRequest("model is required")
    model = backend.library.open(asked.model)
    tokens = await unless_gone(request, _tokenize(backend, model, asked))
    return json_response({"tokens": tokens, "count": len(tokens)})


async def _tokenize(backend: Backend, model: OpenModel, asked: TokenizeRequest) -> list[int]:
    options = read_options(model.content.params, asked.options)
    spec = model.runner_spec(options.load, backend.settings)
    # Any runner of these weights has the same vocabulary: another num_ctx must not reload it.
    spec = backend.pool.loaded_like(spec)
    async with backend.pool.lease(model, spec, asked.keep_alive, slot=False) as runner:
        return await runner.tokenize(asked.content, special=asked.add_special)
