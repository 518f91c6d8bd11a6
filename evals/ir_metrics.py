"""Retrieval metrics over a ranking, by the definitions of trec_eval. Pure.

A ranking is document ids, best first; judgements map ids to gain, 0 or absent meaning not
relevant. nDCG is trec_eval's `ndcg_cut`: gain/log2(rank+1) over the ideal ordering of all
judged documents (Järvelin and Kekäläinen, TOIS 2002); recall is `recall.k`; the reciprocal
rank is `recip_rank`.
"""

import math
from collections.abc import Mapping, Sequence


def dcg(gains: Sequence[float]) -> float:
    """Return the discounted cumulative gain of gains in rank order."""
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def ndcg(ranking: Sequence[str], judged: Mapping[str, float], k: int) -> float:
    """Return nDCG@k, 0 to 1; 0 when nothing is judged relevant."""
    ideal = dcg(sorted((gain for gain in judged.values() if gain > 0), reverse=True)[:k])
    if ideal == 0:
        return 0.0
    return dcg([max(judged.get(doc, 0.0), 0.0) for doc in ranking[:k]]) / ideal


def recall(ranking: Sequence[str], judged: Mapping[str, float], k: int) -> float:
    """Return the share of relevant documents among the first k."""
    relevant = {doc for doc, gain in judged.items() if gain > 0}
    if not relevant:
        return 0.0
    return len(relevant & set(ranking[:k])) / len(relevant)


def reciprocal_rank(ranking: Sequence[str], judged: Mapping[str, float]) -> float:
    """Return 1/rank of the first relevant document, 0 if there is none."""
    for rank, doc in enumerate(ranking, start=1):
        if judged.get(doc, 0) > 0:
            return 1 / rank
    return 0.0
