"""Published retrieval sets: corpus.jsonl.gz, queries.jsonl.gz, qrels.tsv, scored over HTTP.

Each corpus entry becomes a text document named by its id in a throw-away collection; every
query is searched for passages, a document scores as its best passage, and the ranking is
judged by trec_eval's definitions.
"""

import csv
import gzip
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from app.client import Client
from evals import corpus
from evals.errors import DatasetError
from evals.ir_metrics import ndcg, recall, reciprocal_rank
from evals.records import Score, Summary
from evals.statistics import summarise

Ranking = list[tuple[str, float]]
"""Document ids with scores, best first."""
Progress = Callable[[str, int, int], None]
"""Called with what is done, how many, and how many in all."""

PASSAGES = 100


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """Documents (title and text joined), queries, and gains: query id → document id → gain.

    Queries without a judgement are left out.
    """

    name: str
    documents: Mapping[str, str]
    queries: Mapping[str, str]
    judgements: Mapping[str, Mapping[str, float]]


def load(folder: Path) -> RetrievalSet:
    """Read the three files; DatasetError names what is missing or malformed."""
    try:
        documents = {
            str(row["id"]): "\n\n".join(filter(None, [row.get("title"), row["text"]]))
            for row in _rows(folder / "corpus.jsonl.gz")
        }
        queries = {str(row["id"]): str(row["text"]) for row in _rows(folder / "queries.jsonl.gz")}
        judgements = _judgements(folder / "qrels.tsv")
    except (OSError, KeyError, ValueError) as exc:
        raise DatasetError(f"{folder} is no retrieval set: {type(exc).__name__}: {exc}") from exc
    judged = {query: text for query, text in queries.items() if query in judgements}
    if not documents or not judged:
        raise DatasetError(f"{folder} holds no documents, or no query with a judgement")
    return RetrievalSet(folder.resolve().name, documents, judged, judgements)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def _judgements(path: Path) -> dict[str, dict[str, float]]:
    gains: dict[str, dict[str, float]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            gains.setdefault(row["query_id"], {})[row["doc_id"]] = float(row["score"])
    return gains


def twins(documents: Mapping[str, str]) -> dict[str, list[str]]:
    """Group ids of equal texts under the first of them: the service keeps equal bytes once."""
    firsts: dict[str, str] = {}
    groups: dict[str, list[str]] = {}
    for doc, text in documents.items():
        groups.setdefault(firsts.setdefault(text, doc), []).append(doc)
    return groups


def fill(client: Client, collection: str, documents: Mapping[str, str], progress: Progress) -> None:
    """Upload what the collection does not hold yet, many documents in each request."""
    corpus.open_collection(client, collection, "a retrieval set, removed after its evaluation")
    ready = {d["name"] for d in corpus.documents(client, collection) if d["status"] == "completed"}
    missing = [doc for doc in twins(documents) if file_name(doc) not in ready]
    with tempfile.TemporaryDirectory(prefix="ragstone-eval-") as folder:
        files = []
        for number, doc in enumerate(missing):
            path = Path(folder) / f"{number}.txt"  # an id may hold what a file name may not
            path.write_text(documents[doc], encoding="utf-8")
            files.append((file_name(doc), path))
        corpus.upload_all(client, collection, files, lambda n, of: progress("documents", n, of))


def file_name(document_id: str) -> str:
    """Return the name that a corpus entry is uploaded under."""
    return f"{quote(document_id, safe='')}.txt"


def search_all(
    client: Client,
    collection: str,
    data: RetrievalSet,
    mode: str | None,
    progress: Progress,
) -> dict[str, Ranking]:
    """Search every query, two at a time; return each query's ranked documents."""
    groups = twins(data.documents)

    def one(text: str) -> Ranking:
        ranking = rank_documents(client.search(text, collection, PASSAGES, mode))
        return [(twin, score) for doc, score in ranking for twin in groups.get(doc, [doc])]

    run: dict[str, Ranking] = {}
    with ThreadPoolExecutor(2, thread_name_prefix="search") as pool:
        for query, ranking in zip(data.queries, pool.map(one, data.queries.values()), strict=True):
            run[query] = ranking
            progress("queries", len(run), len(data.queries))
    return run


def rank_documents(passages: Sequence[Mapping[str, Any]]) -> Ranking:
    """Score each document as its best passage; ties keep the order of the passages."""
    best: dict[str, float] = {}
    for passage in passages:
        doc = unquote(str(passage["document_name"]).removesuffix(".txt"))
        best[doc] = max(best.get(doc, float("-inf")), float(passage["score"]))
    return sorted(best.items(), key=lambda item: -item[1])


def score(
    run: Mapping[str, Ranking], judgements: Mapping[str, Mapping[str, float]]
) -> dict[str, Summary]:
    """Return nDCG@10, R@100 and MRR with standard errors over all queries of the run."""
    values: dict[str, list[Score]] = {"nDCG@10": [], "R@100": [], "MRR": []}
    for query, ranking in run.items():
        documents = [doc for doc, _ in ranking]
        judged = judgements[query]
        values["nDCG@10"].append(Score(ndcg(documents, judged, 10)))
        values["R@100"].append(Score(recall(documents, judged, 100)))
        values["MRR"].append(Score(reciprocal_rank(documents, judged)))
    return {name: summarise(scores) for name, scores in values.items()}


def write_run(run: Mapping[str, Ranking], tag: str, path: Path) -> None:
    """Write a TREC run file: query Q0 document rank score tag.

    Scores are written as falling whole numbers: trec_eval sorts by score and breaks ties by
    document id, so the ranks that were judged here must not depend on equal scores.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as lines:
        for query, ranking in run.items():
            for rank, (doc, _) in enumerate(ranking, start=1):
                lines.write(f"{query} Q0 {doc} {rank} {len(ranking) - rank + 1} {tag}\n")
