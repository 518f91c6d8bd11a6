"""A second opinion on faithfulness: LlamaIndex's FaithfulnessEvaluator with any Ollama model.

The evaluator itself counts whatever holds the letters "yes" as supported and everything else
as not. Here the model's words are read strictly: a reply that does not begin with a plain YES
or NO is unscored, with what was said, so that a judge which cannot judge is seen as such.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Protocol

from evals.normalise import without_citations
from evals.records import CaseResult, Exchange, Failure, RunResult, Score

METRIC = "judged_faithful"
REPLY = re.compile(r"^\W*(yes|no)\b(?!\W*(?:or|and|/)\W*(?:yes|no)\b)", re.IGNORECASE)


class Judge(Protocol):
    """Gives a model's own words on whether contexts support a response."""

    @property
    def version(self) -> str:
        """Return what stands in the result: implementation and model."""
        ...

    async def opinion(self, question: str, response: str, contexts: Sequence[str]) -> str:
        """Return the model's reply."""
        ...


@dataclass(frozen=True)
class LlamaIndexJudge:
    """FaithfulnessEvaluator over an Ollama-compatible server.

    `context_window` is sent as num_ctx: without it the model's maximum would be asked for.
    """

    model: str
    url: str
    timeout: float = 300.0
    context_window: int = 4096

    @property
    def version(self) -> str:
        """Return the version of the evaluator's package, and the model."""
        return f"1, llama-index-core {version('llama-index-core')}, {self.model}"

    async def opinion(self, question: str, response: str, contexts: Sequence[str]) -> str:
        """Ask the evaluator, over a connection of its own: theirs is tied to one event loop."""
        from llama_index.core.evaluation import FaithfulnessEvaluator
        from llama_index.llms.ollama import Ollama
        from ollama import AsyncClient

        async with AsyncClient(host=self.url, timeout=self.timeout) as connection:
            llm = Ollama(
                model=self.model,
                base_url=self.url,
                context_window=self.context_window,
                temperature=0.0,
                additional_kwargs={"num_predict": 16},
                async_client=connection,
            )
            evaluator = FaithfulnessEvaluator(llm=llm)
            result = await evaluator.aevaluate(
                query=question, response=response, contexts=list(contexts)
            )
        return str(result.feedback or "")


def parse(reply: str) -> Score:
    """Read YES or NO at the beginning of the reply; anything else is unscored."""
    found = REPLY.match(reply)
    if not found:
        return Score.unscored(f"the judge said neither yes nor no: {reply.strip()[:80]!r}")
    return Score(float(found.group(1).lower() == "yes"), reason=reply.strip()[:80])


def judge_run(result: RunResult, judge: Judge, progress: Callable[[int, int], None]) -> RunResult:
    """Add the judge's score to every case that was answered; runs after asking is done,
    so that the judge's load does not stand in the latencies.
    """
    return asyncio.run(_judge_run(result, judge, progress))


async def _judge_run(
    result: RunResult, judge: Judge, progress: Callable[[int, int], None]
) -> RunResult:
    judged = []
    for done, case in enumerate(result.cases, start=1):
        judged.append(await _judge_case(case, judge))
        progress(done, len(result.cases))
    scorers = {**result.scorers, "judge": judge.version}
    return replace(result, cases=tuple(judged), scorers=scorers)


async def _judge_case(result: CaseResult, judge: Judge) -> CaseResult:
    if result.exchange is None:
        return result
    if result.exchange.abstained:
        score = Score.unscored("nothing was claimed")
    else:
        try:
            score = await _score(result.case.question, result.exchange, judge)
        except Exception as exc:  # noqa: BLE001 - a judge that fails is a value, as any scorer
            failure = Failure("judge", type(exc).__name__, str(exc))
            return replace(result, failures=(*result.failures, failure))
    return replace(result, scores={**result.scores, METRIC: score})


async def _score(question: str, exchange: Exchange, judge: Judge) -> Score:
    contexts = [source.text for source in exchange.sources]
    if not contexts:
        return Score.unscored("the answer shows no source")
    reply = await judge.opinion(question, without_citations(exchange.answer), contexts)
    return parse(reply)
