"""What each metric is called, which way is better, and where it stands in a report."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's meaning in a few words; `unit` is "share" (0 to 1) or "ms"."""

    title: str
    higher_is_better: bool = True
    unit: str = "share"


METRICS: dict[str, Metric] = {
    "hit@1": Metric("source first"),
    "hit@3": Metric("source within 3"),
    "hit@5": Metric("source within 5"),
    "recall@5": Metric("share of sources within 5"),
    "mrr": Metric("reciprocal rank of the source"),
    "ndcg@10": Metric("nDCG of the sources within 10"),
    "quoted_contains": Metric("answer or cited quote holds the gold answer"),
    "evidence_contains": Metric("answer or any shown quote holds it"),
    "answer_contains": Metric("answer holds it"),
    "answer_f1": Metric("F1 of the answer as shown, quotes included"),
    "answer_em": Metric("answer as shown is exactly it"),
    "model_contains": Metric("model's own words hold it"),
    "model_f1": Metric("F1 of the model's own words"),
    "model_em": Metric("model's own words are exactly it"),
    "right_abstention": Metric("unanswerable and not answered"),
    "wrong_abstention": Metric("answerable and not answered", higher_is_better=False),
    "faithfulness": Metric("sentences supported by their sources"),
    "unsupported": Metric("sentences not supported", higher_is_better=False),
    "judged_faithful": Metric("answers that the judge finds supported"),
    "retrieve_ms": Metric("retrieve", higher_is_better=False, unit="ms"),
    "first_token_ms": Metric("first token", higher_is_better=False, unit="ms"),
    "generate_ms": Metric("generate", higher_is_better=False, unit="ms"),
    "verify_ms": Metric("verify", higher_is_better=False, unit="ms"),
    "engine_ms": Metric("the engine's own time", higher_is_better=False, unit="ms"),
    "total_ms": Metric("total, measured in the service", higher_is_better=False, unit="ms"),
    "search_ms": Metric("search request, from outside", higher_is_better=False, unit="ms"),
    "ask_ms": Metric("query request, from outside", higher_is_better=False, unit="ms"),
}


def metric(name: str) -> Metric:
    """Return what is known of a metric; one of a new scorer is taken as a share."""
    return METRICS.get(name, Metric(name))
