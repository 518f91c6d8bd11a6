"""Takes an uploaded file in: what it is, whether it is there already, then durable or refused."""

from collections.abc import Callable
from dataclasses import dataclass

from ingest.errors import IngestError
from ingest.media_type import detect
from ingest.names import clean_name
from storage.catalogue import Catalogue
from storage.errors import DuplicateDocument
from storage.files import FileStore, IncomingFile
from storage.records import Collection, Document, DocumentStatus, Fault

UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of one file of an upload.

    `duplicate_of` is the id of the document that has the same bytes, and then `document` is
    that one; `replaces` the id of the one that this takes the place of once it is ready.
    """

    document: Document
    name: str
    duplicate_of: str | None = None

    @property
    def job_id(self) -> str | None:
        """Id of the job that reads the document; None where none was needed."""
        return self.document.job_id

    @property
    def replaces(self) -> str | None:
        """Id of the document whose place this one takes."""
        return None if self.duplicate_of else self.document.replaces


class Intake:
    """The way in. When `accept` returns, bytes and catalogue row survive a power cut."""

    def __init__(
        self, catalogue: Catalogue, files: FileStore, enqueue: Callable[[str], None]
    ) -> None:
        self._catalogue = catalogue
        self._files = files
        self._enqueue = enqueue

    def incoming(self) -> IncomingFile:
        """Open a file to stream an upload into; give it to `accept`, or discard it."""
        return self._files.incoming()

    def accept(
        self, collection: Collection, name: str, incoming: IncomingFile, declared: str | None = None
    ) -> Accepted:
        """Take a fully written file in and put its job into the queue.

        `name` is what the sender called it, a path perhaps; `declared` the media type they gave.
        A file that cannot be read becomes a failed document with code and sentence.
        Raises UnknownCollection when the collection is gone, and StoreUnavailable.
        """
        name = clean_name(name)
        incoming.flush()
        try:
            media_type = detect(incoming.path, name, declared)
        except IngestError as error:
            return self._refused(collection, name, incoming, error)
        try:
            with self._files.in_step:
                sha256, size = incoming.finish()
                document = self._catalogue.documents.add(collection, name, media_type, size, sha256)
        except DuplicateDocument as error:
            first = error.document
            if first.job_id and first.status is not DocumentStatus.COMPLETED:
                self._enqueue(first.job_id)  # harmless twice, and sure to be there once
            return Accepted(first, name, duplicate_of=first.id)
        assert document.job_id, "a pending document has a job"
        self._enqueue(document.job_id)
        return Accepted(document, name)

    def refuse(
        self, collection: Collection, name: str, error: IngestError, size_bytes: int
    ) -> Accepted:
        """Write down a file of which no bytes were kept, such as one over the limit."""
        incoming = self._files.incoming()
        with incoming:
            return self._refused(collection, clean_name(name), incoming, error, size_bytes)

    def _refused(
        self,
        collection: Collection,
        name: str,
        incoming: IncomingFile,
        error: IngestError,
        size_bytes: int | None = None,
    ) -> Accepted:
        with self._files.in_step:
            sha256, size = incoming.finish()
            document = self._catalogue.documents.add(
                collection,
                name,
                UNKNOWN_TYPE,
                size if size_bytes is None else size_bytes,
                sha256,
                status=DocumentStatus.FAILED,
                error=Fault(error.code, str(error)),
            )
        return Accepted(document, name)
