"""Does search find the passages that hold the answer? hit@k, recall@k, MRR, nDCG.

A passage is relevant to a gold source when it comes from that document, from that page where
the source names one (a chunk that begins on the page before also counts when it holds the
quote), and holds the source's quote where it has one. Each gold source counts once: a second
passage for the same source earns nothing.

hit@k: some source found among the first k. recall@k: share of sources found among them. mrr:
1/rank of the first find within the passages searched. ndcg@10: trec_eval's, each find a gain of 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals.ir_metrics import ndcg, recall, reciprocal_rank
from evals.normalise import squeezed
from evals.records import Case, Exchange, GoldSource, Retrieved, Score

HIT_AT = (1, 3, 5)


def matches(passage: Retrieved, source: GoldSource) -> bool:
    """Say whether the passage is relevant to the gold source."""
    if passage.document != source.document:
        return False
    if source.quote is not None and squeezed(source.quote) not in squeezed(passage.text):
        return False
    if source.page is None or passage.page is None:
        return True
    if source.quote is not None:
        return passage.page in (source.page - 1, source.page)
    return passage.page == source.page


def finds(passages: Sequence[Retrieved], sources: Sequence[GoldSource]) -> list[str]:
    """Return for each passage the gold source it is first to find, as an id; "" for none."""
    open_sources = dict(enumerate(sources))
    ranking = []
    for passage in passages:
        found = next((i for i, source in open_sources.items() if matches(passage, source)), None)
        if found is not None:
            del open_sources[found]
        ranking.append("" if found is None else str(found))
    return ranking


@dataclass(frozen=True)
class Retrieval:
    """Scores the passages that search returned."""

    name: str = "retrieval"
    version: str = "1"

    def score(self, case: Case, exchange: Exchange) -> Mapping[str, Score]:
        """Return the retrieval metrics; unscored without gold sources."""
        metrics = [*(f"hit@{k}" for k in HIT_AT), "recall@5", "mrr", "ndcg@10"]
        if not case.sources:
            return {name: Score.unscored("the case names no source") for name in metrics}
        ranking = finds(exchange.passages, case.sources)
        judged = {str(index): 1.0 for index in range(len(case.sources))}
        values = [
            *(float(any(ranking[:k])) for k in HIT_AT),
            recall(ranking, judged, 5),
            reciprocal_rank(ranking, judged),
            ndcg(ranking, judged, 10),
        ]
        return {name: Score(value) for name, value in zip(metrics, values, strict=True)}
