"""How long a question takes, and how much of it is the language engine's own time.

    python -m benchmarks.latency [--data ../shared/data] [--url URL] [--questions 60]

Starts a service with the bundled models (or uses `--url`), fills a collection with about 1,000
chunks of Wikipedia text, and asks XQuAD's English questions, one after the other, streamed. The
engine's time is what llama.cpp reports for that same request: reading the prompt and writing
the reply. Overhead is everything else, seen from the client.
"""

import argparse
import gzip
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.report import machine

COLLECTION = "latency"
PASSAGES_A_DOCUMENT = 25
PATIENCE = 600


@dataclass(frozen=True)
class Sample:
    """One question, in milliseconds; `engine` and `total` are 0 for an abstention's engine."""

    retrieve: float
    first_token: float
    verify: float
    engine: float
    total: float
    answered: bool


@contextmanager
def service(url: str | None) -> Iterator[str]:
    """Yield the URL of a running service; start one in a folder of its own where none is given."""
    if url:
        yield url.rstrip("/")
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "app", "serve", "--port", "0", "--data-dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            yield next(line.split()[-1] for line in process.stdout if "answers at http" in line)
        finally:
            process.terminate()
            process.wait(30)


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def fill(client: httpx.Client, data: Path, chunks: int) -> int:
    """Upload Wikipedia text until the collection has that many chunks; return their number."""
    client.post("/v1/collections", json={"name": COLLECTION})
    wanted = {r["contexts"][0]["text"] for r in rows(data / "qa" / "xquad.en.jsonl.gz")}
    others = [r["text"] for r in rows(data / "retrieval" / "distractors_2wiki" / "corpus.jsonl.gz")]
    texts = [*sorted(wanted), *others]
    url = f"/v1/collections/{COLLECTION}/documents"
    for first in range(0, len(texts), PASSAGES_A_DOCUMENT):
        body = "\n\n".join(texts[first : first + PASSAGES_A_DOCUMENT]).encode()
        files = {"files": (f"part-{first // PASSAGES_A_DOCUMENT:03}.txt", body)}
        (document,) = client.post(url, files=files).json()["documents"]
        client.get(f"/v1/jobs/{document['job_id']}/events")
        found = count(client)
        if found >= chunks:
            break
    return found


def count(client: httpx.Client) -> int:
    listed = client.get(f"/v1/collections/{COLLECTION}/documents", params={"limit": 200}).json()
    return sum(document["chunks"] for document in listed["documents"])


def ask(client: httpx.Client, question: str) -> Sample:
    """Ask once, streamed; times are the client's, but for what only the service can see."""
    body = {"question": question, "collection": COLLECTION, "stream": True}
    started = time.perf_counter()
    first = 0.0
    name = ""
    answer: dict[str, Any] = {}
    with client.stream("POST", "/v1/query", json=body) as reply:
        for line in reply.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
                if name == "token" and not first:
                    first = time.perf_counter() - started
            elif line.startswith("data: ") and name == "answer":
                answer = json.loads(line.removeprefix("data: "))
    total = time.perf_counter() - started
    timings = answer["timings"]
    return Sample(
        timings["retrieve_ms"],
        1000 * first,
        timings["verify_ms"],
        timings["engine_ms"],
        1000 * total,
        bool(answer["usage"]["completion_tokens"]),
    )


def line(name: str, values: list[float], unit: str = "ms") -> str:
    """Return a row of the table: p50, p95, largest."""
    ordered = sorted(values)
    at95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    middle = statistics.median(ordered)
    return f"| {name} | {middle:.1f} | {at95:.1f} | {ordered[-1]:.1f} | {unit} |"


def report(samples: list[Sample], searches: list[float], chunks: int) -> str:
    """Return the table."""
    answered = [s for s in samples if s.answered]
    share = [100 * s.engine / s.total for s in answered]
    return "\n".join(
        [
            f"{machine()}; {chunks} chunks; {len(answered)} of {len(samples)} answered",
            "",
            "| | p50 | p95 | max | |",
            "| --- | --- | --- | --- | --- |",
            line("search over HTTP", searches),
            line("retrieve and select evidence", [s.retrieve for s in samples]),
            line("first token", [s.first_token for s in answered]),
            line("verify", [s.verify for s in answered]),
            line("engine's own time", [s.engine for s in answered]),
            line("total", [s.total for s in answered]),
            line("Ragstone's own overhead", [s.total - s.engine for s in answered]),
            line("engine's share of the total", share, "%"),
            line("total of an abstention", [s.total for s in samples if not s.answered] or [0.0]),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--url")
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--chunks", type=int, default=1000)
    options = parser.parse_args()
    questions = [r["question"] for r in rows(options.data / "qa" / "xquad.en.jsonl.gz")]
    questions = questions[:: max(1, len(questions) // options.questions)][: options.questions]
    with service(options.url) as url, httpx.Client(base_url=url, timeout=PATIENCE) as client:
        chunks = fill(client, options.data, options.chunks)
        ask(client, questions[-1])  # models loaded, caches warm
        searches = []
        for question in questions:
            started = time.perf_counter()
            client.post(f"/v1/collections/{COLLECTION}/search", json={"query": question})
            searches.append(1000 * (time.perf_counter() - started))
        print(report([ask(client, question) for question in questions], searches, chunks))


if __name__ == "__main__":
    main()
