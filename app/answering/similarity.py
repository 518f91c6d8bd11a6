"""Cosine of short texts, each text embedded once: sentences come back with every question."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from ingest.embed import Embedder
from storage.records import Vector

KEPT = 4096
"""Vectors in memory; 6 MB at 384 dimensions."""


class SentenceVectors:
    """Embeds sentences in one batch, and remembers the latest. Safe for several threads."""

    def __init__(self, embedder: Embedder, kept: int = KEPT) -> None:
        self._embedder = embedder
        self._kept = kept
        self._vectors: OrderedDict[str, Vector] = OrderedDict()
        self._lock = threading.Lock()

    def cosines(self, text: Vector | str, others: Sequence[str]) -> list[float]:
        """Return the cosine of the first text (or its vector) with each of the others."""
        if not others:
            return []
        wanted = [text, *others] if isinstance(text, str) else list(others)
        found = self._of(wanted)
        first = found[text] if isinstance(text, str) else text
        return [float(np.dot(first, found[other])) for other in others]

    def _of(self, texts: Sequence[str]) -> dict[str, Vector]:
        with self._lock:
            known = {text: self._vectors[text] for text in texts if text in self._vectors}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            fresh = dict(zip(missing, self._embedder.embed_passages(missing), strict=True))
            known |= fresh
            with self._lock:
                self._vectors |= fresh
                while len(self._vectors) > self._kept:
                    self._vectors.popitem(last=False)
        return known
