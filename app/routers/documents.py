"""/v1/collections/{collection}/documents: upload, list, look at, delete."""

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse

from app.deps import CatalogueDep, IntakeDep, RemovalDep, ServicesDep, SettingsDep
from app.document_shape import accepted_json, chunk_json, document_json, page_json
from app.errors import InvalidRequest
from app.text_upload import read_text_document
from app.upload import ReceivedFile, UploadLimits, receive_files
from ingest.errors import FileTooLarge
from ingest.intake import Accepted, Intake
from storage.errors import UnknownDocument
from storage.records import Collection, DocumentStatus

router = APIRouter(prefix="/v1/collections/{collection}/documents", tags=["documents"])

UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}}
                    },
                }
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["title", "text"],
                    "properties": {"title": {"type": "string"}, "text": {"type": "string"}},
                }
            },
        },
    }
}


@router.post("", status_code=202, openapi_extra=UPLOAD_BODY)
async def upload(
    request: Request,
    collection: str,
    catalogue: CatalogueDep,
    intake: IntakeDep,
    settings: SettingsDep,
) -> dict[str, Any]:
    """Take files in, or {"title", "text"}; they are read in the background, see each job."""
    found = await asyncio.to_thread(catalogue.collections.get, collection)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    limits = UploadLimits(settings.max_upload_mb * 1024 * 1024)
    if kind == "multipart/form-data":
        files = await receive_files(request, intake.incoming, limits)
    elif kind == "application/json":
        files = [await read_text_document(request, intake.incoming)]
    else:
        raise InvalidRequest(
            f"The body is {kind or 'of no stated type'}; send multipart/form-data with fields "
            "named `files`, or JSON with `title` and `text`.",
            "unsupported_body",
        )
    accepted = await asyncio.to_thread(_accept_all, intake, found, files, limits)
    return {"documents": [accepted_json(one) for one in accepted]}


def _accept_all(
    intake: Intake, collection: Collection, files: list[ReceivedFile], limits: UploadLimits
) -> list[Accepted]:
    try:
        return [_accept(intake, collection, file, limits) for file in files]
    finally:
        for file in files:
            file.discard()


def _accept(
    intake: Intake, collection: Collection, file: ReceivedFile, limits: UploadLimits
) -> Accepted:
    if file.incoming is None:
        error = FileTooLarge(
            f"The file has {file.size / 1024 / 1024:.1f} MiB; RAGSTONE_MAX_UPLOAD_MB allows "
            f"{limits.file_bytes // 1024 // 1024}."
        )
        return intake.refuse(collection, file.name, error, file.size)
    return intake.accept(collection, file.name, file.incoming, file.declared)


@router.get("")
def list_some(
    collection: str,
    catalogue: CatalogueDep,
    status: DocumentStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """List documents in order of upload, a page at a time."""
    found, following = catalogue.documents.list(collection, status, limit, cursor)
    return {"documents": [document_json(one) for one in found], "next_cursor": following}


@router.get("/{document_id}")
def get(collection: str, document_id: str, catalogue: CatalogueDep) -> dict[str, Any]:
    """Look at one document."""
    return document_json(catalogue.documents.get(collection, document_id))


@router.delete("/{document_id}", status_code=204)
def delete(collection: str, document_id: str, removal: RemovalDep) -> None:
    """Delete a document: file, text, chunks, vectors and keyword rows; its job is cancelled."""
    removal.document(collection, document_id)


@router.get("/{document_id}/content", response_class=FileResponse)
def content(collection: str, document_id: str, services: ServicesDep) -> FileResponse:
    """Return the original bytes, always as a download: an uploaded page must not run here."""
    document = services.catalogue.documents.get(collection, document_id)
    path = services.stores.files.path(document.sha256)
    if document.size_bytes and not (path.is_file() and path.stat().st_size):
        raise UnknownDocument(f"The original of “{document.name}” was not kept.")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(document.name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return FileResponse(path, media_type=document.media_type, headers=headers)


@router.get("/{document_id}/text")
def text(collection: str, document_id: str, catalogue: CatalogueDep) -> dict[str, Any]:
    """Return the text that was read, and where its pages stand in it."""
    document = catalogue.documents.get(collection, document_id)
    read, pages = catalogue.chunks.text(document.id)
    return {"id": document.id, "text": read, "pages": [page_json(page) for page in pages]}


@router.get("/{document_id}/chunks")
def chunks(collection: str, document_id: str, catalogue: CatalogueDep) -> dict[str, Any]:
    """Return the chunks in reading order, with their offsets in the text."""
    document = catalogue.documents.get(collection, document_id)
    found = catalogue.chunks.of_document(document.id)
    return {"id": document.id, "chunks": [chunk_json(chunk) for chunk in found]}
