"""GET / and the version."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from backend.web.wire import json_response

# Clients compare this as a semantic version of Ollama's, to know what the server understands.
OLLAMA_VERSION = "0.33.0"

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
