"""What a route asks for: the backend, and bodies read as Ollama reads them."""

from typing import Annotated, Any

from fastapi import Depends, Request

from backend.answers.generation import Backend
from backend.web.wire import read_object


async def _backend(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend


BackendDep = Annotated[Backend, Depends(_backend)]
BodyDep = Annotated[dict[str, Any], Depends(read_object)]
