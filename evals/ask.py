"""Asks the service one case and keeps what comes back."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.client import Client, QueryOptions
from evals.records import Case, Exchange, Retrieved, Sentence


@dataclass(frozen=True, slots=True)
class AskOptions:
    """How every case is asked; None leaves it to the service's default.

    `search_k` passages are searched for the retrieval metrics, apart from the answer.
    """

    collection: str = "default"
    top_k: int | None = None
    mode: str | None = None
    strategy: str | None = None
    model: str | None = None
    search_k: int = 10

    def query(self) -> QueryOptions:
        """Return what goes along with a question."""
        given: QueryOptions = {"collection": self.collection}
        if self.top_k is not None:
            given["top_k"] = self.top_k
        if self.mode is not None:
            given["mode"] = self.mode
        if self.strategy is not None:
            given["strategy"] = self.strategy
        if self.model is not None:
            given["model"] = self.model
        return given


def ask(client: Client, case: Case, options: AskOptions) -> Exchange:
    """Search, then ask; raises what the client raises."""
    start = time.perf_counter()
    passages = client.search(case.question, options.collection, options.search_k, options.mode)
    searched = time.perf_counter()
    answer = client.query(case.question, options.query())
    answered = time.perf_counter()
    return Exchange(
        passages=tuple(retrieved(p) for p in passages),
        answer=answer["answer"],
        model_answer=answer.get("model_answer", answer["answer"]),
        abstained=answer["status"] == "abstained",
        sources=tuple(retrieved(s) for s in answer["sources"]),
        sentences=tuple(
            Sentence(s["text"], s["verdict"], s.get("quote")) for s in answer["sentences"]
        ),
        confidence=answer.get("confidence"),
        model=answer["model"],
        timings=answer["timings"],
        usage=answer["usage"],
        ask_ms=(answered - searched) * 1000,
        search_ms=(searched - start) * 1000,
    )


def retrieved(passage: Mapping[str, Any]) -> Retrieved:
    """Read a passage of a search, or a source of an answer."""
    return Retrieved(
        document=passage["document_name"],
        text=passage["text"],
        score=passage["score"],
        page=passage.get("page"),
        quote=passage.get("quote"),
        cited=passage.get("cited", False),
    )
