"""Protocol of an embedding model."""

from collections.abc import Sequence
from typing import Protocol

from storage.records import EmbeddingIdentity, Vector, Vectors


class Embedder(Protocol):
    """Turns texts into vectors. Implementations: ingest.hf_embed, ingest.fake_embed."""

    @property
    def identity(self) -> EmbeddingIdentity:
        """Which model this is; stored with every collection it fills."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed stored text; shape (len(texts), dimensions), rows L2-normalised float32."""
        ...

    def embed_query(self, text: str) -> Vector:
        """Embed a question; shape (dimensions,), L2-normalised float32."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many of the model's window tokens `text` takes, special tokens included."""
        ...
