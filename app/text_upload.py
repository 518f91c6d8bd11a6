"""A document sent as JSON: {"title", "text"}."""

import asyncio
import json
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request

from app.errors import InvalidRequest, Unsupported
from app.upload import OpenFile, ReceivedFile
from storage.files import IncomingFile

NO_URLS = "Reading from a URL is not there yet. Fetch the page yourself and upload the file."


class TextDocument(BaseModel):
    """A text with a title; the title becomes the document's name."""

    title: str = Field(min_length=1, max_length=1000)
    text: str


async def read_text_document(request: Request, open_file: OpenFile) -> ReceivedFile:
    """Write the text of a JSON body to disk as a file named by its title.

    Raises InvalidRequest (code `invalid_json` or `invalid_request`), or Unsupported (code
    `url_not_supported_yet`) for {"url"}.
    """
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise InvalidRequest(f"The body is not JSON: {error}.", "invalid_json") from error
    if isinstance(body, dict) and "url" in body:
        raise Unsupported(NO_URLS, "url_not_supported_yet")
    document = _validated(body)
    incoming = await asyncio.to_thread(_written, open_file(), document.text)
    return ReceivedFile(document.title, "text/plain", incoming, incoming.size)


def _validated(body: Any) -> TextDocument:
    try:
        return TextDocument.model_validate(body)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, found['loc'])) or 'body'}: {found['msg']}"
            for found in error.errors()
        )
        raise InvalidRequest(f"The JSON cannot be used as a document: {problems}.") from error


def _written(incoming: IncomingFile, text: str) -> IncomingFile:
    try:
        incoming.write(text.encode("utf-8", errors="replace"))
    except BaseException:  # whatever ends it, no half-written file stays; raised again
        incoming.discard()
        raise
    return incoming
