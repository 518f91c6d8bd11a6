"""One table from error class to HTTP: RFC 9457 problem+json with a stable `code`.

Lookup walks the class's MRO, so a row for a family serves all its members.
"""

from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app import errors as app_errors
from app.answering import errors as answering
from ingest import errors as ingest
from storage import errors as storage


class Row(NamedTuple):
    """How one class of error looks over HTTP; `setting` is what a person could change."""

    status: int
    code: str
    setting: str | None = None


TABLE: dict[type[Exception], Row] = {
    storage.UnknownCollection: Row(404, "unknown_collection"),
    storage.CollectionExists: Row(409, "collection_exists"),
    storage.InvalidName: Row(422, "invalid_name"),
    storage.UnknownDocument: Row(404, "unknown_document"),
    storage.DuplicateDocument: Row(409, "duplicate_document"),
    storage.InvalidCursor: Row(422, "invalid_cursor"),
    storage.UnknownJob: Row(404, "unknown_job"),
    storage.UnknownEvalRun: Row(404, "unknown_eval_run"),
    storage.EmbeddingMismatch: Row(409, "embedding_mismatch", "RAGSTONE_EMBEDDING_MODEL"),
    storage.DataFolderLocked: Row(503, "data_folder_locked", "RAGSTONE_DATA_DIR"),
    storage.StoreUnavailable: Row(503, "store_unavailable"),
    ingest.UnsupportedType: Row(415, "unsupported_type"),
    ingest.EmptyDocument: Row(422, "empty"),
    ingest.UnreadableFile: Row(422, "unreadable"),
    ingest.PasswordProtected: Row(422, "password_protected"),
    ingest.FileTooLarge: Row(413, "too_large", "RAGSTONE_MAX_UPLOAD_MB"),
    ingest.ParsingTimedOut: Row(422, "parsing_timeout", "RAGSTONE_PARSE_SECONDS"),
    ingest.IngestCancelled: Row(409, "cancelled"),
    answering.BackendUnavailable: Row(503, "backend_unavailable", "RAGSTONE_OLLAMA_URL"),
    answering.BackendFailed: Row(502, "backend_failed"),
    answering.UnknownModel: Row(404, "unknown_model", "RAGSTONE_MODEL"),
    answering.UnknownStrategy: Row(422, "unknown_strategy"),
    answering.NotReady: Row(503, "not_ready"),
    app_errors.Unsupported: Row(501, "unsupported"),
    app_errors.InvalidRequest: Row(400, "invalid_request"),
    app_errors.BackendNotStarted: Row(503, "backend_not_started"),
    app_errors.PortTaken: Row(503, "port_taken", "RAGSTONE_PORT"),
    app_errors.EvaluationBusy: Row(409, "evaluation_busy"),
}
HTTP_CODES = {400: "unreadable_body", 404: "unknown_route", 405: "method_not_allowed"}
"""What the framework refuses by itself; 400 is a body that is not UTF-8 or nested too deeply."""
FAMILIES = (
    storage.StorageError,
    ingest.IngestError,
    answering.AnsweringError,
    app_errors.AppError,
)


def row_for(error: Exception) -> Row:
    """Return the row of the error's class or of its nearest ancestor; else a plain 500."""
    for cls in type(error).__mro__:
        if cls in TABLE:
            return TABLE[cls]
    return Row(500, "internal_error")


def problem(error: Exception) -> tuple[int, dict[str, Any]]:
    """Return status and problem+json body of an error."""
    row = row_for(error)
    code = getattr(error, "code", None) if isinstance(error, app_errors.AppError) else row.code
    body: dict[str, Any] = {
        "type": f"urn:ragstone:error:{code}",
        "title": str(code).replace("_", " ").capitalize(),
        "status": row.status,
        "detail": _encodable(str(error)) or type(error).__name__,
        "code": code,
    }
    if row.setting:
        body["setting"] = row.setting
    return row.status, body


def _encodable(sentence: str) -> str:
    """Replace lone surrogates, which a sentence may quote from a request and UTF-8 lacks."""
    return sentence.encode("utf-8", "replace").decode()


def respond(status: int, body: dict[str, Any]) -> JSONResponse:
    """Return a problem as a response of its own media type."""
    headers = {"Retry-After": "5"} if status == 503 else None
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


async def on_error(request: Request, error: Exception) -> JSONResponse:
    """Answer an error of one of the rooms."""
    return respond(*problem(error))


async def on_invalid(request: Request, error: Exception) -> JSONResponse:
    """Answer a body or parameter that does not validate: which field, and why."""
    assert isinstance(error, RequestValidationError)
    found = [
        {"field": ".".join(str(part) for part in item["loc"]), "problem": item["msg"]}
        for item in error.errors()
    ]
    status = 400 if any(item["type"] == "json_invalid" for item in error.errors()) else 422
    code = "invalid_json" if status == 400 else "invalid_request"
    detail = "; ".join(f"{item['field']}: {item['problem']}" for item in found)
    if any(item["type"] == "model_attributes_type" for item in error.errors()):
        detail = "The body is no JSON object; send one, with Content-Type: application/json."
    body = {
        "type": f"urn:ragstone:error:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "errors": found,
    }
    return respond(status, body)


async def on_unexpected(request: Request, error: Exception) -> JSONResponse:
    """Answer a defect of ours in the same shape; the server logs its traceback."""
    return respond(*problem(error))


async def on_http(request: Request, error: Exception) -> JSONResponse:
    """Answer an unknown route or method in the same shape."""
    assert isinstance(error, HTTPException)
    code = HTTP_CODES.get(error.status_code, "http_error")
    body = {
        "type": f"urn:ragstone:error:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": error.status_code,
        "detail": f"{error.detail}: {request.method} {request.url.path}",
        "code": code,
    }
    return respond(error.status_code, body)


def install(app: FastAPI) -> None:
    """Hang the handlers on the app."""
    for family in FAMILIES:
        app.add_exception_handler(family, on_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_unexpected)
