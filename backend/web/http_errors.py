"""The one table from error class to HTTP status, and the shape of every error answer.

Ollama's own routes answer `{"error": "<sentence>"}`; those under /v1 have the body of the API that
they speak, as its client reads it.
"""

from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from backend import errors
from backend.anthropic.errors import error_body as anthropic_body
from backend.openai.errors import error_body as openai_body
from backend.web.streaming import CLIENT_GONE, ClientGone, system_refusal
from backend.web.wire import json_response

STATUS: dict[type[errors.BackendError], int] = {
    errors.BackendError: 500,
    errors.BadRequest: 400,
    errors.InvalidName: 400,
    errors.ModelNotFound: 404,
    errors.InvalidModel: 500,
    errors.InvalidDigest: 400,
    errors.DigestMismatch: 400,
    errors.InvalidModelfile: 400,
    errors.StoreFailed: 500,
    errors.CloudModel: 403,
    errors.CloudDisabled: 403,
    errors.NotSignedIn: 401,
    errors.InvalidOption: 500,  # Ollama answers 500 here, and clients have come to expect it
    errors.TemplateError: 500,
    errors.ContextExceeded: 400,
    errors.ServerBusy: 503,
    errors.LoadFailed: 500,
    errors.NotEnoughMemory: 500,
    errors.RunnerCrashed: 500,
    errors.RunnerRejected: 400,
    errors.RepetitionStopped: 500,
    errors.RegistryError: 500,
    errors.InsecureProtocol: 500,  # Ollama answers 500 here too
}
_PLAIN = {404: "404 page not found", 405: "405 method not allowed"}


def install(app: FastAPI) -> None:
    """Answer every error as Ollama does: `{"error": "..."}`, or plain text for unknown routes."""
    app.add_exception_handler(errors.BackendError, _known)
    app.add_exception_handler(OSError, _system)
    app.add_exception_handler(ClientGone, _gone)
    app.add_exception_handler(ClientDisconnect, _gone)  # it went while its body was read
    app.add_exception_handler(HTTPException, _routing)


def status_of(error: errors.BackendError) -> int:
    """The HTTP status that an error's class, or the nearest above it, has in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def error_body(path: str, sentence: str, status: int) -> dict[str, Any]:
    """The JSON of an error, as the API that the path belongs to has it."""
    if path.startswith("/v1/messages"):
        return anthropic_body(sentence, status)
    if path.startswith("/v1/"):
        return openai_body(sentence, status)
    return {"error": sentence}


def _answer(request: Request, sentence: str, status: int) -> Response:
    return json_response(error_body(request.url.path, sentence, status), status)


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.BackendError)
    return _answer(request, str(error), status_of(error))


async def _system(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    return await _known(request, system_refusal(error))


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=CLIENT_GONE)


async def _routing(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = _PLAIN.get(error.status_code, str(error.detail))
    return PlainTextResponse(text, error.status_code, headers=error.headers)
