"""GET / and the version."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from backend.version import OLLAMA_VERSION
from backend.web.wire import json_response

router = APIRouter()


@router.api_route("/", methods=["GET", "HEAD"])
async def root() -> Response:
    """The sentence by which clients know an Ollama server."""
    return PlainTextResponse("Ollama is running")


@router.api_route("/api/version", methods=["GET", "HEAD"])
async def version() -> Response:
    """The contract's version."""
    shown: dict[str, Any] = {"version": OLLAMA_VERSION}
    return json_response(shown)
