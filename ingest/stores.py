"""Where documents are kept: the truth, the originals, and the two indexes derived from it."""

from dataclasses import dataclass

from storage.catalogue import Catalogue
from storage.files import FileStore
from storage.keyword import KeywordIndex
from storage.vectors import VectorIndex


@dataclass(frozen=True, slots=True)
class Stores:
    """The four parts of storage that ingestion writes to."""

    catalogue: Catalogue
    files: FileStore
    vectors: VectorIndex
    keywords: KeywordIndex

    def close(self) -> None:
        """Close indexes and catalogue; nothing is to be used afterwards."""
        self.keywords.close()
        self.vectors.close()
        self.catalogue.close()
