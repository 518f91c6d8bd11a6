"""Verdicts on an answer's sentences: words first, meaning only where words leave it open."""

import asyncio
import time

from app.answering.cite import read_marks
from app.answering.compose import Checked
from app.answering.findings import Findings, knows_language
from app.answering.records import Verdict
from app.answering.similarity import SentenceVectors
from app.answering.verify import Check, check, is_short, lifted
from ingest.embed import Embedder

OPEN = frozenset({Verdict.PARTIAL, Verdict.UNSUPPORTED})


class Checker:
    """Checks the sentences of one answer; `spent_ms` is the time that took so far."""

    def __init__(
        self, question: str, findings: Findings, vectors: SentenceVectors, embedder: Embedder
    ) -> None:
        self._question = question
        self._findings = findings
        self._vectors = vectors
        self._languages = embedder.identity.languages
        self._known = frozenset(source.n for source in findings.sources)
        self.spent_ms = 0.0

    async def check(self, sentence: str) -> Checked:
        """Return the sentence without its marks, and the verdict on it."""
        started = time.perf_counter()
        checked = await asyncio.to_thread(self._check, sentence)
        self.spent_ms += 1000 * (time.perf_counter() - started)
        return checked

    def _check(self, sentence: str) -> Checked:
        marked = read_marks(sentence, self._known)
        found = check(marked.text, self._question, self._findings.windows, marked.numbers)
        if self._is_open(marked.text, found):
            cosine = self._vectors.cosines(marked.text, [found.window])[0]
            found = lifted(found, cosine)
        return Checked(marked.text, found)

    def _is_open(self, sentence: str, found: Check) -> bool:
        """Say whether meaning could still change the verdict; 15 ms, so only then."""
        return (
            found.verdict in OPEN
            and not found.hard
            and bool(found.window)
            and not is_short(sentence)
            and knows_language(sentence, self._languages)
        )
