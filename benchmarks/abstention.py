"""Calibrate and measure abstention: when do the retrieved passages hold no answer?

    python benchmarks/abstention.py [--data ../shared/data] [--models .models] [--write]

Each question is asked three times of its set's paragraphs: of all of them (answerable), without
its own paragraph (near: the same article still talks about it), without its whole article (far).
CLAP NQ has unanswerable questions of its own (given). Coefficients come from a logistic
regression in which answerable and unanswerable weigh the same, cross-validated over articles;
the threshold is the confidence that WRONGLY of the answerable questions fall under.
`--write` puts both into app/answering/abstain.toml.
"""

import argparse
import gzip
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.answering.abstain import COEFFICIENTS, signals
from app.answering.candidates import candidates
from app.answering.evidence import rank
from app.answering.findings import knows_language
from app.answering.retrieve import Retriever
from ingest.hf_embed import HuggingFaceEmbedder
from storage.catalogue import Catalogue
from storage.fts5 import Fts5Index
from storage.memory import MemoryIndex
from storage.records import Chunk, DocumentFilter, PageSpan

SETS = {
    "with_similarity": ("xquad.en", "clapnq"),
    "words_only": ("xquad.zh", "cmrc2018", "drcd"),
}
WRONGLY = 0.07
MOST = 300
"""Questions of each set."""
RIDGE = 0.01
FOLDS = 6
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """A question's signals, whether its answer was there, and where it comes from."""

    values: dict[str, float]
    kind: str
    group: str


class Bench:
    """A throw-away store for each set, one document a paragraph."""

    def __init__(self, folder: Path, models: Path) -> None:
        self.embedder = HuggingFaceEmbedder(models / "embedding" / "all-MiniLM-L6-v2", 1)
        self.catalogue = Catalogue(f"sqlite:///{folder / 'catalogue.sqlite3'}")
        self.vectors = MemoryIndex()
        self.keywords = Fts5Index(folder / "keyword.sqlite3")
        self.retriever = Retriever(self.catalogue, self.vectors, self.keywords, self.embedder)

    def fill(self, name: str, paragraphs: dict[str, tuple[str, str]]) -> dict[str, str]:
        """Store the paragraphs; return the document id of each."""
        space = self.catalogue.collections.ensure(name)
        vectors = self.embedder.embed_passages([text for _, text in paragraphs.values()])
        ids = {}
        for row, (key, (title, text)) in enumerate(paragraphs.items()):
            document = self.catalogue.documents.add(
                space,
                name=f"{title} {row}",  # a name of its own: equal names replace
                media_type="text/plain",
                size_bytes=len(text),
                sha256=sha256(key.encode()).hexdigest(),
            )
            chunk = Chunk(document.id, document.id, 0, text, 0, len(text))
            one = vectors[row : row + 1]
            self.catalogue.documents.publish(
                document.id,
                text=text,
                pages=[PageSpan(1, 0, len(text))],
                chunks=[chunk],
                vectors=one,
                page_count=1,
            )
            self.vectors.upsert(space.id, [document.id], [document.id], one)
            self.keywords.add(space.id, [chunk])
            ids[key] = document.id
        return ids

    def signals(self, name: str, question: str, within: list[str]) -> dict[str, float]:
        """Retrieve among these documents and return the signals."""
        found = self.retriever.retrieve(name, question, 6, None, DocumentFilter(within))
        best = max((p.score for p in found.passages), default=1.0) or 1.0
        ranked = rank(
            question, candidates(found.passages), [p.score / best for p in found.passages]
        )
        knows = knows_language(question, self.embedder.identity.languages)
        values = asdict(signals(question, found.passages, ranked, dense_knows=knows))
        return {key: value for key, value in values.items() if value is not None}


def examples(bench: Bench, data: Path, name: str) -> Iterator[Example]:
    """Yield the examples of one set."""
    with gzip.open(data / "qa" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    paragraphs = {r["contexts"][0]["id"]: r["contexts"][0] for r in rows}
    ids = bench.fill(name, {k: (c["title"], c["text"]) for k, c in paragraphs.items()})
    step = max(1, len(rows) // MOST)
    for row in rows[::step]:
        own, title = row["contexts"][0]["id"], row["contexts"][0]["title"]
        everywhere = list(ids.values())
        if row["kind"] in ("answerable", "unanswerable"):
            asked = {"answerable" if row["kind"] == "answerable" else "given": everywhere}
        else:
            asked = {
                "answerable": everywhere,
                "near": [i for key, i in ids.items() if key != own],
                "far": [i for key, i in ids.items() if paragraphs[key]["title"] != title],
            }
        for kind, within in asked.items():
            yield Example(bench.signals(name, row["question"], within), kind, name + title)


def fit(values: Array, answerable: Array, weights: Array) -> Array:
    """Return logistic coefficients, the intercept last, by Newton's method with a ridge."""
    mean, spread = values.mean(0), values.std(0) + 1e-9
    scaled = np.column_stack([(values - mean) / spread, np.ones(len(values))])
    ridge = RIDGE * len(values) * np.diag([1.0] * values.shape[1] + [1e-9])
    found = np.zeros(scaled.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-scaled @ found))
        slope = scaled.T @ (weights * (chance - answerable)) + ridge @ found
        curve = (scaled * (weights * chance * (1 - chance))[:, None]).T @ scaled + ridge
        found = found - np.linalg.solve(curve, slope)
    plain = found[:-1] / spread
    return np.append(plain, found[-1] - plain @ mean)


def confidence(coefficients: Array, values: Array) -> Array:
    """Return the logistic score of each row."""
    scores: Array = 1 / (1 + np.exp(-(values @ coefficients[:-1] + coefficients[-1])))
    return scores


def auc(scores: Array, answerable: NDArray[np.bool_]) -> float:
    """Return the chance that an answerable question scores above one that is not."""
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores)] = np.arange(len(scores))
    count = answerable.sum()
    return float((ranks[answerable].mean() - (count - 1) / 2) / (len(scores) - count))


def calibrate(found: list[Example]) -> tuple[dict[str, float], str]:
    """Return the table for abstain.toml and a line on how well it does, cross-validated."""
    names = list(found[0].values)
    values = np.array([[example.values[name] for name in names] for example in found])
    kinds = np.array([example.kind for example in found])
    answerable = kinds == "answerable"
    weights = np.where(answerable, (~answerable).sum() / answerable.sum(), 1.0)
    fold_of = {g: i % FOLDS for i, g in enumerate(sorted({e.group for e in found}))}
    folds = np.array([fold_of[example.group] for example in found])
    scores = np.zeros(len(found))
    for fold in range(FOLDS):
        seen = folds != fold
        trained = fit(values[seen], answerable[seen].astype(float), weights[seen])
        scores[~seen] = confidence(trained, values[~seen])
    threshold = float(np.quantile(scores[answerable], WRONGLY))
    lines = [
        f"{len(found)} examples, wrong abstention {(scores[answerable] < threshold).mean():.3f}"
    ]
    for kind in sorted(set(kinds) - {"answerable"}):
        part = answerable | (kinds == kind)
        right = (scores[kinds == kind] < threshold).mean()
        area = auc(scores[part], answerable[part])
        lines.append(f"{kind}: right abstention {right:.3f}, AUC {area:.3f}")
    table = dict(zip([*names, "intercept"], fit(values, answerable * 1.0, weights), strict=True))
    return {
        **{k: round(float(v), 2) for k, v in table.items()},
        "threshold": round(threshold, 2),
    }, ("; ".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--models", type=Path, default=Path(".models"))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = [
        "# Logistic coefficients for “do these passages hold the answer?”; abstain.py says what",
        "# each signal is. Written by benchmarks/abstention.py, which says how.",
    ]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.models)
        for title, sets in SETS.items():
            found = [e for name in sets for e in examples(bench, options.data, name)]
            table, record = calibrate(found)
            print(f"{title} ({', '.join(sets)}): {record}\n  {table}", flush=True)
            text += ["", f"[{title}]", f"# trained on {', '.join(sets)}"]
            text += [f"# {line}" for line in record.split("; ")]
            text += [f"{name} = {value}" for name, value in table.items()]
    if options.write:
        COEFFICIENTS.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
