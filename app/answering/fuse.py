"""Several rankings into one; pure."""

from collections.abc import Mapping, Sequence

from storage.records import Hit

Rankings = Mapping[str, Sequence[Hit]]
"""Hits of each index, best first, by the index's name."""
Weights = Mapping[str, float]

RRF_K = 60
"""Cormack, Clarke and Büttcher, "Reciprocal rank fusion", SIGIR 2009."""


def reciprocal_rank(rankings: Rankings, weights: Weights) -> list[Hit]:
    """Sum weight / (60 + rank) over the rankings; scores are scaled so that 1 is the most."""
    total = sum(weights[name] for name in rankings) or 1.0
    scores: dict[str, float] = {}
    for name, hits in rankings.items():
        for rank, hit in enumerate(hits, start=1):
            share = weights[name] / total * (RRF_K + 1) / (RRF_K + rank)
            scores[hit.chunk_id] = scores.get(hit.chunk_id, 0.0) + share
    return _sorted(scores)


def convex(rankings: Rankings, weights: Weights) -> list[Hit]:
    """Sum weight x score, each ranking's scores first stretched to [0, 1].

    Keeps how far apart two hits are, which ranks throw away: Bruch, Gai and Ingber, "An
    analysis of fusion functions for hybrid retrieval", ACM TOIS 2023. A hit that an index did
    not return counts as that ranking's lowest.
    """
    total = sum(weights[name] for name, hits in rankings.items() if hits) or 1.0
    scores: dict[str, float] = {}
    for name, hits in rankings.items():
        if not hits:
            continue
        low = min(hit.score for hit in hits)
        spread = max(hit.score for hit in hits) - low
        for hit in hits:
            share = (hit.score - low) / spread if spread > 0 else 1.0
            scores[hit.chunk_id] = scores.get(hit.chunk_id, 0.0) + weights[name] / total * share
    return _sorted(scores)


FUSIONS = {"rrf": reciprocal_rank, "convex": convex}


def _sorted(scores: Mapping[str, float]) -> list[Hit]:
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return [Hit(chunk_id, score) for chunk_id, score in ranked]


def weights_for(query_is_cjk: bool, languages: Sequence[str]) -> dict[str, float]:
    """Return how much each index counts for a query in that script.

    An embedder that does not know the query's language gives noise: it is not left out, since
    names and numbers still mean something to it.
    """
    knows = not languages or bool({"zh", "ja", "ko"} & set(languages))
    if query_is_cjk and not knows:
        return {"dense": 0.1, "keyword": 0.9}
    return {"dense": 0.5, "keyword": 0.5}
