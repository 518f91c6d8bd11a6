"""What only ollama.com could answer: this server has no account and never goes there."""

from fastapi import APIRouter
from starlette.responses import Response

from backend.errors import CloudDisabled, NotSignedIn
from backend.web.wire import json_response

router = APIRouter()


@router.get("/api/status")
async def status() -> Response:
    """Say that the cloud is off, as OLLAMA_NO_CLOUD=1 does."""
    return json_response({"cloud": {"disabled": True, "source": "env"}})


@router.post("/api/me")
async def me() -> Response:
    """Refuse: nobody is signed in."""
    raise NotSignedIn("unauthorized")


@router.post("/api/signout")
@router.delete("/api/user/keys/{key}")
async def signout() -> Response:
    """Refuse: nobody is signed in."""
    raise NotSignedIn("you are not currently signed in")


@router.post("/api/experimental/web_search")
async def web_search() -> Response:
    """Refuse: nothing of a request leaves this machine."""
    raise CloudDisabled("ollama cloud is disabled: web search is unavailable")


@router.post("/api/experimental/web_fetch")
async def web_fetch() -> Response:
    """Refuse: nothing of a request leaves this machine."""
    raise CloudDisabled("ollama cloud is disabled: web fetch is unavailable")


@router.get("/api/experimental/model-recommendations")
async def model_recommendations() -> Response:
    """List none: they would come from ollama.com."""
    return json_response({"recommendations": []})
