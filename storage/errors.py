"""What can go wrong in storage.

StorageError
├── UnknownCollection      no collection of that name
├── CollectionExists       the name is taken
├── InvalidName            a collection name that breaks the rules
├── UnknownDocument        no document of that id in that collection
├── UnknownJob             no job of that id
├── UnknownEvalRun         no evaluation run of that id
├── EmbeddingMismatch      the collection's vectors come from another model
├── DataFolderLocked       another process owns the data folder
└── StoreUnavailable       a database, index or disk does not answer
"""


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
