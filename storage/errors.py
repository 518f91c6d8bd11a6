"""What can go wrong in storage.

StorageError
├── UnknownCollection      no collection of that name
├── CollectionExists       the name is taken
├── InvalidName            a collection name that breaks the rules
├── UnknownDocument        no document of that id in that collection
├── DuplicateDocument      the same bytes are in that collection already
├── InvalidCursor          a page cursor that this service never gave out
├── UnknownJob             no job of that id
├── UnknownEvalRun         no evaluation run of that id
├── EmbeddingMismatch      the collection's vectors come from another model
├── DataFolderLocked       another process owns the data folder
└── StoreUnavailable       a database, index or disk does not answer
"""

from storage.records import Document


class StorageError(Exception):
    """Any failure of storage; the message is a sentence for a person."""


class UnknownCollection(StorageError):
    """No collection of that name."""


class CollectionExists(StorageError):
    """A collection of that name is there already."""


class InvalidName(StorageError):
    """A name that breaks the rules, which the message states."""


class UnknownDocument(StorageError):
    """No document of that id in that collection."""


class DuplicateDocument(StorageError):
    """The same bytes stand in the collection already, as `document`."""

    def __init__(self, document: Document) -> None:
        self.document = document
        super().__init__(
            f"“{document.name}” in collection “{document.collection}” has the same content; "
            "no second copy was made."
        )


class InvalidCursor(StorageError):
    """A page cursor that no list ever gave out."""


class UnknownJob(StorageError):
    """No job of that id."""


class UnknownEvalRun(StorageError):
    """No evaluation run of that id."""


class EmbeddingMismatch(StorageError):
    """The collection's vectors were made by another embedding model."""


class DataFolderLocked(StorageError):
    """Another Ragstone process owns the data folder."""


class StoreUnavailable(StorageError):
    """A database, an index or the disk does not answer."""
