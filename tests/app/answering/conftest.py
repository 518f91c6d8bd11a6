"""A small library of documents in real stores, and the parts that answer from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from app.answering.fake_chat import FakeChat
from app.answering.pipeline import Answerer, Defaults
from app.answering.retrieve import Retriever
from ingest.embed import Embedder
from ingest.fake_embed import HashingEmbedder
from storage.catalogue import Catalogue
from storage.fts5 import Fts5Index
from storage.memory import MemoryIndex
from storage.records import Chunk, Document, PageSpan

HANDBOOK = """Annual leave

Full-time employees receive 25 days of annual leave per year. Part-time employees receive leave \
in proportion to their hours. Unused leave expires on 31 March of the following year.

Travel

Trips by train are booked in second class. Dr. Maria Okafor approves every flight that is longer \
than six hours. Receipts are handed in within 30 days.

Equipment

| Item | Replaced after |
| --- | --- |
| Laptop | 4 years |
| Telephone | 3 years |
"""
MANUAL_ZH = """星火咖啡机使用手册

水箱容量为1.8升，每天使用前请加满清水。每使用二十五次后必须除垢一次。除垢时不要使用醋。

保修期为两年，由上海维修中心负责维修。保修不包括滤芯。
"""


@dataclass
class Library:
    """Stores with a way in that needs no worker: a paragraph is a chunk."""

    catalogue: Catalogue
    vectors: MemoryIndex
    keywords: Fts5Index
    embedder: Embedder

    def add(self, name: str, text: str, collection: str = "default") -> Document:
        space = self.catalogue.collections.ensure(collection)
        self.catalogue.collections.set_embedding(space.id, self.embedder.identity)
        document = self.catalogue.documents.add(
            space,
            name=name,
            media_type="text/plain",
            size_bytes=len(text),
            sha256=sha256(f"{collection}{name}{text}".encode()).hexdigest(),
        )
        chunks = _chunks(document.id, text)
        vectors = self.embedder.embed_passages([chunk.text for chunk in chunks])
        self.catalogue.documents.publish(
            document.id,
            text=text,
            pages=[PageSpan(1, 0, len(text))],
            chunks=chunks,
            vectors=vectors,
            page_count=1,
        )
        ids = [chunk.id for chunk in chunks]
        self.vectors.upsert(space.id, ids, [document.id] * len(ids), vectors)
        self.keywords.add(space.id, chunks)
        return self.catalogue.documents.by_id(document.id)

    def text(self, document_id: str) -> str:
        return self.catalogue.chunks.text(document_id)[0]


def _chunks(document_id: str, text: str) -> list[Chunk]:
    chunks: list[Chunk] = []
    start = 0
    for block in text.split("\n\n"):
        if len(block) > 30:
            end = start + len(block)
            chunks.append(
                Chunk(f"{document_id}-{start}", document_id, len(chunks), block, start, end, 1)
            )
        start += len(block) + 2
    return chunks


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    catalogue = Catalogue(f"sqlite:///{tmp_path / 'catalogue.sqlite3'}")
    keywords = Fts5Index(tmp_path / "keyword.sqlite3")
    yield Library(catalogue, MemoryIndex(), keywords, HashingEmbedder())
    keywords.close()
    catalogue.close()


@pytest.fixture
def handbook(library: Library) -> Document:
    return library.add("handbook.txt", HANDBOOK)


@pytest.fixture
def retriever(library: Library) -> Iterator[Retriever]:
    made = Retriever(library.catalogue, library.vectors, library.keywords, library.embedder)
    yield made
    made.close()


@pytest.fixture
def chat() -> FakeChat:
    return FakeChat(names=("gemma3-base:270m", "big:8b"))


@pytest.fixture
def answerer(library: Library, retriever: Retriever, chat: FakeChat) -> Answerer:
    return Answerer(retriever, chat, library.embedder, Defaults("gemma3-base:270m", 6))
