"""The only file that chooses implementations: settings in, services out."""

import asyncio
import logging
import threading
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from app.answering.chat_model import ChatModel
from app.answering.errors import AnsweringError
from app.answering.ollama_model import OllamaModel
from app.answering.pipeline import Answerer, Defaults
from app.answering.retrieve import Retriever
from app.nightly import Nightly
from app.ollama_choice import OllamaChoice, choose_ollama
from app.settings import Settings
from ingest.chunk import ChunkSizes
from ingest.embed import Embedder
from ingest.hf_embed import HuggingFaceEmbedder
from ingest.intake import Intake
from ingest.jobs import QueueSettings, Worker
from ingest.load import ParseLimits
from ingest.pipeline import Pipeline
from ingest.readers import Readers
from ingest.stores import Stores
from storage.catalogue import Catalogue
from storage.chroma import ChromaIndex
from storage.files import FileStore
from storage.fts5 import Fts5Index
from storage.lock import DataFolderLock

log = logging.getLogger("ragstone")
BUNDLED_EMBEDDING = "all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a route may ask for, made once, closed together."""

    settings: Settings
    stores: Stores
    embedder: Embedder
    retriever: Retriever
    chat_model: ChatModel
    answerer: Answerer
    intake: Intake
    worker: Worker
    nightly: Nightly
    ollama: OllamaChoice
    lock: DataFolderLock

    @property
    def catalogue(self) -> Catalogue:
        """The truth about documents, jobs and runs."""
        return self.stores.catalogue

    def start(self) -> None:
        """Start the worker, and load the models in the background."""
        self.worker.start()
        self.nightly.start()
        threading.Thread(target=self._warm, name="warm-up", daemon=True).start()

    async def aclose(self) -> None:
        """Stop everything that was started, children first; nothing is left behind."""
        await asyncio.to_thread(self.nightly.stop)
        await asyncio.to_thread(self.worker.stop)
        await self.chat_model.aclose()
        if self.ollama.child:
            await asyncio.to_thread(self.ollama.child.stop)
        self.retriever.close()
        self.stores.close()
        self.lock.close()

    def listens_at(self, url: str) -> None:
        """Take note of the service's own URL: the nightly evaluation asks there."""
        self.nightly.listens_at(url)

    def description(self) -> dict[str, Any]:
        """Return what runs here, for people and for the command line's banner."""
        settings = self.settings
        return {
            "version": version("ragstone"),
            "model": settings.model,
            "embedding_model": settings.embedding_model or BUNDLED_EMBEDDING,
            "ollama": {"url": self.ollama.url, "chosen": self.ollama.reason},
            "data_dir": str(settings.data_dir),
            "models_dir": str(settings.models_dir),
            "catalogue": "postgresql" if settings.database_url else "sqlite",
            "vectors": settings.chroma_url or "chroma, embedded",
        }

    def _warm(self) -> None:
        """Load the embedding model, then the language model if the backend is our own."""
        try:
            self.embedder.load()
            if self.ollama.child:
                asyncio.run(self.answerer.warm())
        except (AnsweringError, OSError) as error:
            log.warning("warm-up: %s", error)


def build_services(
    settings: Settings, embedder: Embedder | None = None, chat_model: ChatModel | None = None
) -> Services:
    """Open the stores and make the parts; nothing runs before `start`.

    `embedder` and `chat_model` replace what the settings name, for tests.

    Raises:
        DataFolderLocked, StoreUnavailable, BackendNotStarted.
    """
    lock = DataFolderLock(settings.data_dir)
    try:
        return _build(settings, lock, embedder, chat_model)
    except BaseException:  # whatever ends it, the folder is let go; raised again
        lock.close()
        raise


def _build(
    settings: Settings,
    lock: DataFolderLock,
    embedder: Embedder | None,
    chat_model: ChatModel | None,
) -> Services:
    stores = open_stores(settings)
    embedder = embedder or _embedder(settings)
    ollama = OllamaChoice("", "none: a model was given") if chat_model else choose_ollama(settings)
    chat_model = chat_model or OllamaModel(
        ollama.url, settings.request_timeout, settings.keep_alive
    )
    retriever = Retriever(
        stores.catalogue, stores.vectors, stores.keywords, embedder, settings.fusion
    )
    pipeline = Pipeline(
        stores,
        embedder,
        ChunkSizes(settings.chunk_tokens, settings.chunk_overlap_tokens),
        Readers(ParseLimits(settings.parse_seconds, settings.parse_memory_mb)),
    )
    worker = Worker(
        pipeline, QueueSettings(settings.data_dir, settings.queue_url, settings.job_attempts)
    )
    return Services(
        settings=settings,
        embedder=embedder,
        retriever=retriever,
        chat_model=chat_model,
        answerer=Answerer(
            retriever, chat_model, embedder, Defaults(settings.model, settings.top_k)
        ),
        stores=stores,
        intake=Intake(stores.catalogue, stores.files, worker.enqueue),
        worker=worker,
        nightly=Nightly(stores.catalogue, settings, worker.schedule),
        ollama=ollama,
        lock=lock,
    )


def open_stores(settings: Settings) -> Stores:
    """Open what is kept; whoever calls holds the folder's lock. Raises StoreUnavailable."""
    data = settings.data_dir
    return Stores(
        Catalogue(settings.database_url or f"sqlite:///{data / 'catalogue.sqlite3'}"),
        FileStore(data / "files"),
        ChromaIndex(settings.chroma_url or data / "chroma"),
        Fts5Index(data / "keyword.sqlite3"),
    )


def _embedder(settings: Settings) -> Embedder:
    bundled = settings.models_dir / "embedding" / BUNDLED_EMBEDDING
    return HuggingFaceEmbedder(settings.embedding_model or bundled, settings.embedding_threads)
