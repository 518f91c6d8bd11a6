"""What the front costs: the same prompts to a runner's own port and through /api/generate.

    python -m benchmarks.backend [--models FOLDER] [--model NAME] [--rounds N] [--words N]

Two children of one model are loaded, one bare, one behind the front, and asked in turn, each time
with a prompt that neither has seen. Printed are medians (lowest-highest) and the ratio front/raw.
"""

import argparse
import json
import os
import platform
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from backend.answers.options import DEFAULT_BATCH
from backend.engine.threads import default_threads, waiting_environment
from backend.models.names import ModelName
from backend.models.store import ModelStore

ROOT = Path(__file__).resolve().parent.parent
WORDS = ["the", "river", "carried", "boats", "past", "old", "stone", "towns", "while", "farmers"]
TOKENS = 40


@dataclass(frozen=True, slots=True)
class Timing:
    """One request: milliseconds as the client saw them, and the engine's own rates."""

    first_ms: float
    total_ms: float
    outside_engine_ms: float
    prefill_rate: float
    decode_rate: float


def prompt(seed: int, words: int) -> str:
    """A text of that many words that shares no beginning with that of another seed."""
    chosen = (WORDS[(seed + i * i) % len(WORDS)] for i in range(words))
    return f"{seed} " + " ".join(chosen)


def ask_front(client: httpx.Client, model: str, text: str) -> Timing:
    """POST /api/generate, streamed."""
    options = {"num_predict": TOKENS, "temperature": 0, "seed": 1}
    body = {"model": model, "prompt": text, "raw": True, "options": options}
    first, total, last = timed(client, "/api/generate", body, "")
    prompt_ms, reply_ms = last["prompt_eval_duration"] / 1e6, last["eval_duration"] / 1e6
    rates = last["prompt_eval_count"] / prompt_ms * 1e3, last["eval_count"] / reply_ms * 1e3
    return Timing(first, total, total - prompt_ms - reply_ms, *rates)


def ask_raw(client: httpx.Client, text: str) -> Timing:
    """POST /completion on the child's own port, streamed."""
    body = {"prompt": text, "stream": True, "n_predict": TOKENS, "temperature": 0, "seed": 1}
    first, total, last = timed(client, "/completion", body, "data: ")
    times = last["timings"]
    outside = total - times["prompt_ms"] - times["predicted_ms"]
    return Timing(first, total, outside, times["prompt_per_second"], times["predicted_per_second"])


def timed(
    client: httpx.Client, path: str, body: dict[str, Any], prefix: str
) -> tuple[float, float, dict[str, Any]]:
    """Milliseconds to the first object and to the end, and the last object."""
    started, first, last = time.perf_counter(), 0.0, {}
    with client.stream("POST", path, json=body) as response:
        for line in response.iter_lines():
            if line.startswith(prefix) and line:
                first = first or (time.perf_counter() - started) * 1e3
                last = json.loads(line.removeprefix(prefix))
    return first, (time.perf_counter() - started) * 1e3, last


@contextmanager
def bare_child(weights: Path) -> Iterator[httpx.Client]:
    """A runner's process without the front, with the parameters that the front gives it."""
    key = secrets.token_urlsafe()
    order = {
        "parent": os.getpid(), "api_key": key, "model": str(weights), "num_ctx": 4096,
        "num_batch": DEFAULT_BATCH, "num_thread": default_threads(), "num_gpu": -1,
        "main_gpu": 0, "parallel": 1, "embedding": False, "default_pooling": False,
    }  # fmt: skip
    with process("backend.engine.llama_child", waiting_environment()) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(order) + "\n")
        child.stdin.flush()
        url = json.loads(child.stdout.readline())["url"]
        headers = {"Authorization": f"Bearer {key}"}
        limits = httpx.Limits(max_keepalive_connections=0)  # as the front does
        with httpx.Client(base_url=url, headers=headers, timeout=None, limits=limits) as client:
            yield client


@contextmanager
def front(models: Path) -> Iterator[httpx.Client]:
    """The whole server as a process of its own."""
    settings = {"OLLAMA_HOST": "127.0.0.1:0", "OLLAMA_MODELS": str(models)}
    with process("backend", settings) as server:
        assert server.stdout is not None
        url = server.stdout.readline().rpartition(" ")[2].strip()
        with httpx.Client(base_url=url, timeout=None) as client:
            yield client


@contextmanager
def process(module: str, settings: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """`python -m module`, killed at the end."""
    child = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def report(raws: list[Timing], fronts: list[Timing]) -> None:
    """Print the table."""
    print(f"{'':<22}{'raw port':<30}{'front':<30}front/raw")
    for name in Timing.__slots__:
        columns = [[getattr(one, name) for one in side] for side in (raws, fronts)]
        raw, through = (statistics.median(column) for column in columns)
        shown = [
            f"{statistics.median(c):.1f} ({min(c):.1f}-{max(c):.1f})".ljust(30) for c in columns
        ]
        print(f"{name:<22}{''.join(shown)}{through / raw:.3f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=ROOT / ".models" / "ollama")
    parser.add_argument("--model", default="gemma3-base:270m")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--words", type=int, default=200)
    asked = parser.parse_args()
    store = ModelStore(asked.models)
    weights = store.content(store.get(ModelName.parse(asked.model))).weights
    with bare_child(weights) as bare, front(asked.models) as server:
        ask_front(server, asked.model, "warm"), ask_raw(bare, "warm")
        raws, fronts = [], []
        for seed in range(100, 100 + asked.rounds):
            raws.append(ask_raw(bare, prompt(seed * 2, asked.words)))
            fronts.append(ask_front(server, asked.model, prompt(seed * 2 + 1, asked.words)))
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{asked.model}, {asked.words} words in, {TOKENS} tokens out, {asked.rounds} rounds")
    print(f"{platform.machine()}, {os.cpu_count()} cores, load average {load}")
    report(raws, fronts)


if __name__ == "__main__":
    main()
