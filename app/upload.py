"""Multipart uploads, streamed to disk part by part; knows python-multipart.

Format: RFC 7578 (multipart/form-data). No file is ever whole in memory: what arrives is parsed
and written in a thread, some 64 KiB at a time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from app.errors import InvalidRequest
from ingest.errors import FileTooLarge
from storage.files import IncomingFile

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FIELDS = ("files", "file")
MOST_FILES = 500
"""Each file is open until the request is over, and 1,024 open files is an ordinary limit."""
WHOLE_REQUEST_FILES = 20
"""A request may be as long as so many files of the largest allowed size."""

OpenFile = Callable[[], IncomingFile]

LONGEST_HEADER = 64 * 1024
"""Bytes of a part's headers: a very long file name must not be the end of its neighbours."""


@dataclass(slots=True)
class ReceivedFile:
    """One part of an upload. `size` counts what came, `incoming` is None once it was too much."""

    name: str
    declared: str | None
    incoming: IncomingFile | None
    size: int = 0

    def discard(self) -> None:
        """Throw away what was written."""
        if self.incoming is not None:
            self.incoming.discard()
            self.incoming = None


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Bytes that one file may have; the rest of a larger one is read and thrown away."""

    file_bytes: int

    @property
    def request_bytes(self) -> int:
        """Bytes that a whole request may have."""
        return self.file_bytes * WHOLE_REQUEST_FILES


async def receive_files(
    request: Request, open_file: OpenFile, limits: UploadLimits
) -> list[ReceivedFile]:
    """Stream a multipart body to disk and return its files, all of them written.

    Raises InvalidRequest (codes `malformed_multipart`, `no_files`, `too_many_files`) or
    FileTooLarge for a request that is too long as a whole; then nothing is kept.
    """
    collector = _Collector(open_file, limits.file_bytes)
    try:
        parser = MultipartParser(
            _boundary(request), collector.callbacks(), max_header_size=LONGEST_HEADER
        )
        await _feed(request.stream(), parser, limits)
        parser.finalize()
        collector.check_complete()
    except BaseException as error:  # whatever ends the upload, no half-written file stays
        await asyncio.to_thread(collector.discard)
        if isinstance(error, FormParserError):
            raise _malformed(f"The multipart body cannot be read: {error}.") from error
        if isinstance(error, ClientDisconnect):
            raise InvalidRequest("The sender went away in mid-upload.", "client_gone") from error
        raise
    return collector.files


def _malformed(sentence: str) -> InvalidRequest:
    return InvalidRequest(sentence, "malformed_multipart")


def _boundary(request: Request) -> bytes:
    _, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if not boundary:
        raise _malformed(
            "The Content-Type names no multipart boundary; let your HTTP client set the header."
        )
    return boundary


async def _feed(
    stream: AsyncIterator[bytes], parser: MultipartParser, limits: UploadLimits
) -> None:
    received = 0
    async for data in stream:
        received += len(data)
        if received > limits.request_bytes:
            raise FileTooLarge(
                f"The request is longer than {limits.request_bytes // 1024 // 1024} MiB as a "
                "whole. Send the files in several requests."
            )
        if data:
            await asyncio.to_thread(parser.write, data)


class _Collector:
    """What the parser calls: turns parts into files, and drops what is none."""

    def __init__(self, open_file: OpenFile, limit: int) -> None:
        self.files: list[ReceivedFile] = []
        self._ended = False
        self._open_file = open_file
        self._limit = limit
        self._headers: dict[str, str] = {}
        self._field = bytearray()
        self._value = bytearray()
        self._current: ReceivedFile | None = None

    def callbacks(self) -> "MultipartCallbacks":
        """Return the parser's callbacks."""
        return {
            "on_part_begin": self._part_begins,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_ends,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._part_data,
            "on_end": self._all_ends,
        }

    def check_complete(self) -> None:
        """Raise InvalidRequest where the closing boundary did not come, or no file did."""
        if not self._ended:
            raise _malformed("The multipart body breaks off before its closing boundary.")
        if not self.files:
            raise InvalidRequest(
                "The request has no files. Send them as multipart fields named `files`.",
                "no_files",
            )

    def discard(self) -> None:
        """Throw away every file."""
        for file in self.files:
            file.discard()

    def _part_begins(self) -> None:
        self._headers = {}
        self._current = None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        name = self._field.decode("latin-1").lower()
        self._headers[name] = self._value.decode("utf-8", errors="replace")
        self._field.clear()
        self._value.clear()

    def _headers_end(self) -> None:
        field, name = _disposition(self._headers.get("content-disposition", ""))
        if field not in FIELDS or not name:
            return  # another form field, or a file input left empty: dropped as it comes
        if len(self.files) >= MOST_FILES:
            raise InvalidRequest(
                f"The request has more than {MOST_FILES} files. Send them in several requests.",
                "too_many_files",
            )
        declared = self._headers.get("content-type")
        self._current = ReceivedFile(name, declared, self._open_file())
        self.files.append(self._current)

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        file = self._current
        if file is None:
            return
        file.size += end - start
        if file.size > self._limit:
            file.discard()
        elif file.incoming is not None:
            file.incoming.write(data[start:end])

    def _all_ends(self) -> None:
        self._ended = True


def _disposition(header: str) -> tuple[str, str | None]:
    """Return field and file name of a Content-Disposition header.

    Senders escape `"`, CR and LF in a name as %22, %0D and %0A, and nothing else (WHATWG HTML).
    """
    # the parser of the header works on Latin-1, names are UTF-8 (RFC 7578, 5.1)
    _, options = parse_options_header(header.encode().decode("latin-1"))
    field = options.get(b"name", b"").decode("utf-8", errors="replace")
    name = options.get(b"filename")
    if name is None:
        return field, None
    shown = name.decode("utf-8", errors="replace")
    return field, shown.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
