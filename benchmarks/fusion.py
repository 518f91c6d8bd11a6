"""Choose how word search and embedding search are fused: nDCG@10 on SciFact's train claims.

    python benchmarks/fusion.py [--data ../shared/data] [--models .models] [--vectors FILE.npz]

Dense search is exact, word search the real FTS5 index, each abstract one passage. Embedding the
5,183 abstracts takes about five minutes on one core; `--vectors` keeps them for the next time.
"""

import argparse
import csv
import gzip
import json
import math
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from app.answering.fuse import FUSIONS, Rankings
from ingest.hf_embed import HuggingFaceEmbedder
from storage.fts5 import Fts5Index
from storage.records import Chunk, Hit, Vectors

DEPTH = 50
WEIGHTS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def vectors_of(options: argparse.Namespace, texts: list[str], queries: list[str]) -> list[Vectors]:
    """Return the vectors of texts and queries, from the file where there is one."""
    if options.vectors and options.vectors.exists():
        kept = np.load(options.vectors)
        return [kept["texts"], kept["queries"]]
    embedder = HuggingFaceEmbedder(options.models / "embedding" / "all-MiniLM-L6-v2")
    found = [embedder.embed_passages(texts), embedder.embed_passages(queries)]
    if options.vectors:
        np.savez(options.vectors, texts=found[0], queries=found[1])
    return found


def ndcg(hits: list[Hit], relevant: dict[str, int]) -> float:
    """Return nDCG@10 with linear gain."""
    gains = [relevant.get(hit.chunk_id, 0) for hit in hits[:10]]
    ideal = sorted(relevant.values(), reverse=True)[:10]
    return _dcg(gains) / _dcg(ideal)


def _dcg(gains: list[int]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))


def rank(folder: Path, options: argparse.Namespace) -> dict[str, tuple[Rankings, dict[str, int]]]:
    """Return both rankings and the judgements of each query."""
    data = options.data / "retrieval" / "scifact"
    corpus, queries = rows(data / "corpus.jsonl.gz"), rows(data / "queries.jsonl.gz")
    relevant: dict[str, dict[str, int]] = defaultdict(dict)
    with (data / "qrels.tsv").open(encoding="utf-8") as lines:
        for line in csv.DictReader(lines, delimiter="\t"):
            relevant[line["query_id"]][line["doc_id"]] = int(line["score"])
    texts = [f"{row['title']}\n{row['text']}" for row in corpus]
    index = Fts5Index(folder / "keyword.sqlite3")
    index.add(
        "scifact",
        [
            Chunk(row["id"], row["id"], 0, text, 0, len(text))
            for row, text in zip(corpus, texts, strict=True)
        ],
    )
    stored, asked = vectors_of(options, texts, [query["text"] for query in queries])
    found: dict[str, tuple[Rankings, dict[str, int]]] = {}
    for query, vector in zip(queries, asked, strict=True):
        cosines = stored @ vector
        nearest = np.argsort(-cosines)[:DEPTH]
        rankings = {
            "dense": [Hit(corpus[at]["id"], float(cosines[at])) for at in nearest],
            "keyword": index.search("scifact", query["text"], DEPTH),
        }
        found[query["id"]] = (rankings, relevant[query["id"]])
    index.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--models", type=Path, default=Path(".models"))
    parser.add_argument("--vectors", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = rank(Path(folder), options)
    for name in ("dense", "keyword"):
        scores = [ndcg(list(rankings[name]), judged) for rankings, judged in found.values()]
        print(f"{name:8}            {np.mean(scores):.4f}")
    for name, fuse in FUSIONS.items():
        for dense in WEIGHTS:
            weights = {"dense": dense, "keyword": 1 - dense}
            scores = [ndcg(fuse(rankings, weights), judged) for rankings, judged in found.values()]
            error = np.std(scores) / math.sqrt(len(scores))
            print(f"{name:8} dense {dense:.1f}  {np.mean(scores):.4f} ± {error:.4f}")


if __name__ == "__main__":
    main()
