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

    @property
    def ready(self) -> bool:
        """Whether the model is loaded; until then the calls below wait for it."""
        ...

    def load(self) -> None:
        """Load the model, or wait until another thread has; loaded already, do nothing."""
        ...

    def embed_passages(self, texts: Sequence[str], *, background: bool = False) -> Vectors:
        """Embed stored text; shape (len(texts), dimensions), rows L2-normalised float32.

        Work in the `background` lets questions go first.
        """
        ...

    def embed_query(self, text: str) -> Vector:
        """Embed a question; shape (dimensions,), L2-normalised float32."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many of the model's window tokens `text` takes, special tokens included."""
        ...
