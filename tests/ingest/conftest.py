"""Real stores on a temporary disk, with the hashing embedder."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.chunk import ChunkSizes
from ingest.embed import Embedder
from ingest.fake_embed import HashingEmbedder
from ingest.intake import Accepted, Intake
from ingest.load import ParseLimits
from ingest.pipeline import Pipeline
from ingest.readers import Readers
from ingest.reporter import Reporter, SilentReporter
from ingest.stores import Stores
from storage.audit import audit
from storage.catalogue import Catalogue
from storage.files import FileStore
from storage.fts5 import Fts5Index
from storage.memory import MemoryIndex
from storage.records import Document, JobState


@dataclass
class Room:
    """Everything a document meets on its way, and short words for sending one through."""

    folder: Path
    stores: Stores
    pipeline: Pipeline
    queued: list[str]

    @property
    def catalogue(self) -> Catalogue:
        return self.stores.catalogue

    def with_embedder(self, embedder: Embedder) -> Pipeline:
        return Pipeline(self.stores, embedder, ChunkSizes(60, 10), self.pipeline.readers)

    def accept(self, content: bytes | str, name: str = "notes.txt") -> Accepted:
        intake = Intake(self.catalogue, self.stores.files, self.queued.append)
        incoming = intake.incoming()
        incoming.write(content.encode() if isinstance(content, str) else content)
        return intake.accept(self.catalogue.collections.get("default"), name, incoming)

    def ingest(self, content: bytes | str, name: str = "notes.txt") -> Document:
        """Accept a document and take it the whole way."""
        accepted = self.accept(content, name)
        assert accepted.job_id
        self.carry(accepted.job_id)
        return self.catalogue.documents.by_id(accepted.document.id)

    def carry(self, job_id: str, reporter: Reporter | None = None) -> None:
        """Do what the worker does with a job that goes well."""
        job = self.catalogue.jobs.start(job_id)
        assert job.state is JobState.RUNNING
        document = self.catalogue.documents.by_id(job.document_id)
        self.pipeline.ingest(document, reporter or SilentReporter())
        self.catalogue.jobs.finish(job_id)

    def found(self, words: str) -> list[str]:
        """Return the texts that the keyword index finds, as the catalogue has them."""
        collection = self.catalogue.collections.get("default")
        hits = self.stores.keywords.search(collection.id, words, 10)
        passages = self.catalogue.chunks.passages([hit.chunk_id for hit in hits])
        return [stored.chunk.text for stored in passages.values()]

    def complaints(self) -> list[str]:
        """Return what the audit finds wrong."""
        stores = self.stores
        report = audit(stores.catalogue, stores.vectors, stores.keywords, stores.files)
        return list(report.sentences)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    opened = Stores(
        Catalogue(f"sqlite:///{tmp_path / 'catalogue.sqlite3'}"),
        FileStore(tmp_path / "files"),
        MemoryIndex(),
        Fts5Index(tmp_path / "keyword.sqlite3"),
    )
    yield opened
    opened.close()


@pytest.fixture
def room(tmp_path: Path, stores: Stores) -> Iterator[Room]:
    with closing(Readers(ParseLimits(30))) as readers:
        pipeline = Pipeline(stores, HashingEmbedder(), ChunkSizes(60, 10), readers)
        yield Room(tmp_path, stores, pipeline, [])
