"""One question on its way: what was said so far, what was checked, and how long each step took."""

import time
import uuid
from dataclasses import replace

from app.answering import reply
from app.answering.chat_model import Completion
from app.answering.checking import Checker
from app.answering.cite import with_cited
from app.answering.compose import Draft, abstention, quotes_of
from app.answering.events import SentenceChecked
from app.answering.findings import Findings, chosen
from app.answering.forms import Form
from app.answering.records import Answer, AnswerStatus, Dropped, Question, Timings, Usage
from app.answering.words import is_cjk


class Run:
    """The state of one answer; lives as long as its stream."""

    def __init__(self, question: Question, model: str, strategy: str) -> None:
        self.question = question
        self.model = model
        self.strategy = strategy
        self.said = ""
        self.completion: Completion | None = None
        self._draft = Draft()
        self._checked = 0
        self._started = time.perf_counter()
        self._retrieved = self._started
        self._first: float | None = None
        self._generated: float | None = None

    def retrieved(self) -> None:
        """Note that the evidence is there."""
        self._retrieved = time.perf_counter()

    def heard(self, text: str) -> None:
        """Note a piece of the model's reply."""
        if self._first is None:
            self._first = time.perf_counter()
        self.said += text

    def generated(self) -> None:
        """Note that the model has ended."""
        self._generated = time.perf_counter()

    async def check_finished(self, checker: Checker) -> list[SentenceChecked]:
        """Check the sentences that have been finished since the last call."""
        sentences = reply.finished_sentences(reply.clean(self.said))
        return await self._check(checker, sentences[self._checked :])

    async def check_rest(self, checker: Checker) -> list[SentenceChecked]:
        """Check what is left once the model has ended; nothing where it said nothing."""
        words = reply.clean(self.said)
        if not self._checked and (self._refused or reply.says_nothing(words, self.question.text)):
            return []
        return await self._check(checker, reply.sentences(words)[self._checked :])

    async def _check(self, checker: Checker, sentences: list[str]) -> list[SentenceChecked]:
        events: list[SentenceChecked] = []
        for sentence in sentences:
            self._checked += 1
            settled = self._draft.add(await checker.check(sentence))
            events += [SentenceChecked(one, self._draft.text) for one in settled]
        return events

    @property
    def _refused(self) -> bool:
        return reply.refuses(reply.clean(self.said))

    def abstained(self, findings: Findings, dropped: tuple[Dropped, ...] = ()) -> Answer:
        """Return an answer that says what was looked for and shows what came closest."""
        return replace(
            self._answer(findings),
            answer=abstention(self.question.text, findings.sources),
            status=AnswerStatus.ABSTAINED,
            dropped=dropped or findings.dropped,
        )

    def answered(
        self, findings: Findings, form: Form, dropped: tuple[Dropped, ...], verify_ms: float
    ) -> Answer:
        """Return the whole answer.

        A refusal of the smallest models means nothing (they refuse answerable and unanswerable
        questions alike), so the quotes answer then; a larger model's refusal is believed.
        """
        if self._refused and form.quote == "when_needed" and not self._draft.sentences:
            return self.abstained(findings, dropped)
        composed = self._draft.finish(
            quotes_of(chosen(findings, form.sentences)),
            always_quote=form.quote == "always",
            chinese=is_cjk(self.question.text),
        )
        bare = self._answer(findings)
        return replace(
            bare,
            answer=composed.text,
            status=AnswerStatus.ANSWERED,
            sources=with_cited(findings.sources, composed.cited),
            sentences=composed.sentences,
            timings=replace(bare.timings, verify_ms=round(verify_ms, 1)),
            dropped=dropped,
        )

    def _answer(self, findings: Findings) -> Answer:
        ended = self.completion or Completion()
        return Answer(
            id=f"ans-{uuid.uuid4().hex}",
            question=self.question.text,
            answer="",
            status=AnswerStatus.ANSWERED,
            collection=self.question.collection,
            model=self.model,
            strategy=self.strategy,
            confidence=round(findings.judgement.confidence, 3),
            model_answer=reply.clean(self.said),
            sources=findings.sources,
            usage=Usage(ended.prompt_tokens, ended.completion_tokens),
            timings=self._timings(ended),
        )

    def _timings(self, ended: Completion) -> Timings:
        now = time.perf_counter()
        generated = self._generated or self._retrieved
        return Timings(
            retrieve_ms=_ms(self._retrieved - self._started),
            first_token_ms=_ms(self._first - self._started) if self._first else 0.0,
            generate_ms=_ms(generated - self._retrieved),
            total_ms=_ms(now - self._started),
            engine_ms=round(ended.engine_ms, 1),
        )


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)
