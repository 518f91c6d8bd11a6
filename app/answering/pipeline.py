"""The question's way, on one page.

1. retrieve passages and rank their sentences       retrieve.py, findings.py
2. weigh whether that is enough; if not, say so     abstain.py
3. fit the best evidence into the model's context   budget.py, prompt.py
4. let the model answer, word by word               chat_model.py, reply.py
5. hold each sentence against the passages          verify.py
6. compose what is shown                            compose.py
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from app.answering import reply
from app.answering.budget import fit, plan
from app.answering.chat_model import ChatModel, Prompt
from app.answering.checking import Checker
from app.answering.errors import UnknownStrategy
from app.answering.events import Answered, Event, SourcesFound, Token
from app.answering.exhibits import exhibits, left_out
from app.answering.findings import Findings, find_evidence
from app.answering.forms import Form, form_for
from app.answering.prompt import build
from app.answering.records import Dropped, Question
from app.answering.retrieve import Retriever
from app.answering.run import Run
from app.answering.similarity import SentenceVectors
from ingest.embed import Embedder

STRATEGIES = ("evidence",)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a question leaves open."""

    model: str
    top_k: int = 6


class Answerer:
    """Answers questions as a sequence of events; safe for many at once."""

    def __init__(
        self, retriever: Retriever, chat: ChatModel, embedder: Embedder, defaults: Defaults
    ) -> None:
        self._retriever = retriever
        self._chat = chat
        self._embedder = embedder
        self._vectors = SentenceVectors(embedder)
        self._defaults = defaults

    async def warm(self) -> None:
        """Load the default model and read the prompt's fixed part into its cache.

        For an event loop of its own: it closes the loop's connections when done.
        """
        model = self._defaults.model
        form = form_for(model)
        budget = await plan(self._chat, form, model, "")
        await self._chat.load(build(form, model, "", [], budget.num_ctx))
        await self._chat.aclose()

    async def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """Yield SourcesFound, then Token and SentenceChecked as they come, Answered last.

        Tokens are the model's words as it says them; the answer may put quotes before them,
        and is what counts. Closing the generator stops the model.

        Raises:
            UnknownCollection, UnknownStrategy, UnknownModel, BackendUnavailable, BackendFailed.
        """
        strategy = question.strategy or STRATEGIES[0]
        if strategy not in STRATEGIES:
            raise UnknownStrategy(f"No strategy {strategy!r}; known: {', '.join(STRATEGIES)}.")
        run = Run(question, question.model or self._defaults.model, strategy)
        findings = await asyncio.to_thread(self._find, question)
        run.retrieved()
        if question.model:  # a name that is wrong is told even where no model is needed
            await self._chat.context_length(run.model)
        yield SourcesFound(findings.sources)
        if not findings.judgement.enough:
            yield Answered(run.abstained(findings))
            return
        form = form_for(run.model)
        prompt, dropped = await self._prompt(form, run.model, question.text, findings)
        checker = Checker(question.text, findings, self._vectors, self._embedder)
        if prompt is not None:
            async with aclosing(self._generate(run, prompt, checker)) as events:
                async for event in events:
                    yield event
        yield Answered(run.answered(findings, form, dropped, checker.spent_ms))

    def _find(self, question: Question) -> Findings:
        found = self._retriever.retrieve(
            question.collection,
            question.text,
            question.top_k or self._defaults.top_k,
            question.mode,
            question.filters,
        )
        languages = self._embedder.identity.languages
        return find_evidence(question.text, found, languages, self._vectors)

    async def _prompt(
        self, form: Form, model: str, question: str, findings: Findings
    ) -> tuple[Prompt | None, tuple[Dropped, ...]]:
        """Return the prompt, and what it leaves out.

        None where no evidence fits beside the question: a server would cut such a prompt
        without a word, and a model that read nothing can only guess. The quotes answer then.
        """
        budget = await plan(self._chat, form, model, question)
        wanted = exhibits(form, findings)
        fitting = await fit(self._chat, form, model, budget, wanted)
        if not fitting.kept:
            return None, left_out(findings, fitting)
        # the best last, next to the question: a small model forgets what it read first
        prompt = build(form, model, question, fitting.kept[::-1], budget.num_ctx)
        return prompt, left_out(findings, fitting)

    async def _generate(
        self, run: Run, prompt: Prompt, checker: Checker
    ) -> AsyncGenerator[Event, None]:
        """Stream the model; check each sentence as soon as it is finished."""
        async with aclosing(self._chat.stream(prompt)) as pieces:
            async for piece in pieces:
                if piece.text:
                    run.heard(piece.text)
                    yield Token(piece.text)
                run.completion = piece.end or run.completion
                for event in await run.check_finished(checker):
                    yield event
                if reply.looping(run.said):
                    break
        run.generated()
        for event in await run.check_rest(checker):
            yield event
