"""Embeddings by LlamaIndex's HuggingFaceEmbedding on the CPU. Knows torch and transformers.

Importing those takes about 11 s, so it happens at the first `load()`, best in a thread.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ingest.embedding_folder import read_identity
from ingest.turns import Turns
from storage.records import EmbeddingIdentity, Vector, Vectors

BATCH_TEXTS = 8
BATCH_CHARACTERS = 4000
"""A batch holds the model for 0.2 to 0.5 s, which is the longest a question waits for its turn.
Batches of 8 are as fast as larger ones and take less memory (10.2 chunks/s against 11.2 at 32)."""

SPIN_COUNT = "10000"


class HuggingFaceEmbedder:
    """Implements ingest.embed.Embedder; `model` is a folder or a Hugging Face name.

    A folder never touches the network. `threads` 0 leaves the number to torch: one per core.
    """

    def __init__(self, model: str | Path, threads: int = 0) -> None:
        self._name = str(model)
        self._folder = Path(model) if Path(model).is_dir() else None
        self._threads = threads
        self._loading = threading.Lock()
        self._turns = Turns()
        self._model: Any = None
        if self._folder:
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
            os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")

    @property
    def ready(self) -> bool:
        """Whether `load` has finished."""
        return self._model is not None

    def load(self) -> None:
        """Load the model; a second caller waits for the first. OSError where there is none."""
        with self._loading:
            if self._model is None:
                _ = self.identity if self._folder else None  # a wrong folder is told at once
                self._model = self._load()

    @cached_property
    def identity(self) -> EmbeddingIdentity:
        """Which model this is; read from the folder's files, or for a name after loading it."""
        if self._folder:
            return read_identity(self._folder)
        self.load()
        return read_identity(self._files, self._name)

    def embed_passages(self, texts: Sequence[str], *, background: bool = False) -> Vectors:
        """Embed texts, longest first so that a batch has little padding; rows keep their order."""
        self.load()
        vectors = np.zeros((len(texts), self.identity.dimensions), dtype=np.float32)
        for batch in batches(texts):
            with self._turns.turn(background=background):
                found = self._model.get_text_embedding_batch([texts[row] for row in batch])
            vectors[batch] = np.asarray(found, dtype=np.float32)
        return vectors

    def embed_query(self, text: str) -> Vector:
        """Embed a question, before any passages that wait."""
        self.load()
        with self._turns.turn(background=False):
            return np.asarray(self._model.get_query_embedding(text), dtype=np.float32)

    def count_tokens(self, text: str) -> int:
        """Count word pieces and special tokens, whatever the length; needs no loaded model."""
        return len(self._tokenizer.encode(text).ids)

    @cached_property
    def _files(self) -> Path:
        """The folder of the model's files; for a name, where the Hub's cache keeps them."""
        if self._folder:
            return self._folder
        from huggingface_hub import snapshot_download

        self.load()
        return Path(snapshot_download(self._name, local_files_only=True))

    @cached_property
    def _tokenizer(self) -> Any:
        """A tokenizer of our own: the model's sets its truncation anew with every batch."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._files / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def _load(self) -> Any:
        with _short_spins():
            import torch
        from huggingface_hub.constants import HF_HUB_CACHE
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        if self._threads:
            torch.set_num_threads(self._threads)
        return HuggingFaceEmbedding(
            model_name=self._name,
            device="cpu",
            embed_batch_size=BATCH_TEXTS,
            cache_folder=HF_HUB_CACHE,
        )


@contextmanager
def _short_spins() -> Iterator[None]:
    """Let torch's threads sleep soon when they wait for each other, unless the user says else.

    With libgomp's default they spin, and where another process (the language model, say) keeps
    one of two cores busy, two threads embed 9.5 passages/s; with this 19 to 22. On an idle
    machine both make 40. libgomp reads the variable once, as torch is imported; children of
    this process are not to inherit it.
    """
    if "GOMP_SPINCOUNT" in os.environ:
        yield
        return
    os.environ["GOMP_SPINCOUNT"] = SPIN_COUNT
    try:
        yield
    finally:
        del os.environ["GOMP_SPINCOUNT"]


def batches(texts: Sequence[str]) -> Iterator[list[int]]:
    """Yield row numbers, longest text first, at most BATCH_TEXTS and BATCH_CHARACTERS at once."""
    batch: list[int] = []
    longest = 0
    for row in sorted(range(len(texts)), key=lambda row: -len(texts[row])):
        longest = longest or len(texts[row])
        if batch and (len(batch) >= BATCH_TEXTS or longest * (len(batch) + 1) > BATCH_CHARACTERS):
            yield batch
            batch, longest = [], len(texts[row])
        batch.append(row)
    if batch:
        yield batch
