"""An embedding model without a model: hashed words and character pairs, for tests and first runs.

The hashing trick of Weinberger et al. 2009 (arXiv:0902.2206): similar words give similar
vectors, the same text always the same vector, on every machine.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from storage.records import EmbeddingIdentity, Vector, Vectors

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_]+")
_SPECIAL_TOKENS = 2


class HashingEmbedder:
    """Implements ingest.embed.Embedder by hashing; a token is a word or a CJK character."""

    def __init__(self, dimensions: int = 64, max_tokens: int = 256) -> None:
        self._identity = EmbeddingIdentity(
            model="hashing",
            dimensions=dimensions,
            content_hash=hashlib.sha256(f"hashing-1-{dimensions}".encode()).hexdigest(),
            max_tokens=max_tokens,
        )

    @property
    def identity(self) -> EmbeddingIdentity:
        """Which model this is."""
        return self._identity

    @property
    def ready(self) -> bool:
        """There is nothing to load."""
        return True

    def load(self) -> None:
        """Do nothing: there is nothing to load."""

    def embed_passages(self, texts: Sequence[str], *, background: bool = False) -> Vectors:
        """Embed texts; shape (len(texts), dimensions), rows L2-normalised."""
        vectors = np.zeros((len(texts), self._identity.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row] = self.embed_query(text)
        return vectors

    def embed_query(self, text: str) -> Vector:
        """Embed one text; shape (dimensions,), L2-normalised; an empty text points along axis 0."""
        vector: Vector = np.zeros(self._identity.dimensions, dtype=np.float32)
        for feature, count in Counter(_features(text)).items():
            digest = hashlib.blake2b(feature.encode("utf-8", "replace"), digest_size=8).digest()
            sign = 1.0 if digest[0] & 1 else -1.0
            position = int.from_bytes(digest[1:], "big") % self._identity.dimensions
            vector[position] += sign * np.sqrt(count)
        length = float(np.linalg.norm(vector))
        if length == 0.0:
            vector[0] = 1.0
            return vector
        normalised: Vector = vector / np.float32(length)
        return normalised

    def count_tokens(self, text: str) -> int:
        """Return words, CJK characters and other signs, and two special tokens."""
        return len(re.findall(rf"{_WORD.pattern}|[^\w\s]|_", text)) + _SPECIAL_TOKENS


def _features(text: str) -> Iterator[str]:
    words = _WORD.findall(text.lower())
    yield from words
    for word in words:
        padded = f"<{word}>"
        yield from (padded[i : i + 3] for i in range(len(padded) - 2) if len(word) > 2)
    yield from ("".join(pair) for pair in pairwise(words) if len(pair[0]) == 1)
