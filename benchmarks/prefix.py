"""What a second question costs that begins like the first: prompt times through the whole server.

    python -m benchmarks.prefix [--models FOLDER] [--model NAME] [--rounds 3] [--tokens 2000]

A prefix of that many tokens and more is read with one question behind it, then with another, then,
after the other models had their turn, with a third. A ratio is the later prompt's time by the first
one's, as the engine tells them (`prompt_eval_duration`); below 0.1 is what is wanted.
"""

import argparse
import os
import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import httpx

from benchmarks.report import machine, spread, table
from benchmarks.servers import BUNDLED, MODELS, front

WORDS = ("river", "boat", "town", "stone", "farmer", "market", "bread", "letter", "window")
QUESTIONS = ("What is sold?", "Who wrote the letter, and when?", "Where does the bridge lead?")
GREEDY = {"num_predict": 4, "temperature": 0, "seed": 1}
CONTEXT = 1024  # tokens beyond the prefix

Ask: TypeAlias = Callable[[str, str, str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Reading:
    """Milliseconds that the engine took to read each prompt, and the tokens of the first."""

    first: float
    second: float
    after_a_switch: float
    tokens: int


def passage(words: int) -> str:
    """Return a text nobody has read before, so that the first reading has no cache."""
    return " ".join(random.choice(WORDS) for _ in range(words)) + ". "


def by_generate(client: httpx.Client, options: dict[str, Any]) -> Ask:
    """Return how to ask /api/generate raw."""

    def ask(model: str, prefix: str, question: str) -> dict[str, Any]:
        body = {"model": model, "prompt": prefix + question, "raw": True, "stream": False}
        return answer(client, "/api/generate", {**body, "options": options})

    return ask


def by_chat(client: httpx.Client, options: dict[str, Any]) -> Ask:
    """Return how to ask /api/chat. A base model's template leaves a system message out."""

    def ask(model: str, prefix: str, question: str) -> dict[str, Any]:
        messages = [{"role": "user", "content": prefix + question}]
        body = {"model": model, "messages": messages, "stream": False, "options": options}
        return answer(client, "/api/chat", body)

    return ask


def answer(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the object of a whole answer."""
    told: dict[str, Any] = client.post(path, json=body).raise_for_status().json()
    return told


def measure(ask: Ask, model: str, others: list[str], words: int) -> Reading:
    """Ask the three questions, with the other models' turn before the last."""
    prefix = passage(words)
    told = [ask(model, prefix, question) for question in QUESTIONS[:2]]
    for other in others:
        ask(other, passage(30), QUESTIONS[0])
    told.append(ask(model, prefix, QUESTIONS[2]))
    times = [one["prompt_eval_duration"] / 1e6 for one in told]
    return Reading(*times, told[0]["prompt_eval_count"])


def rows(models: Path, asked: argparse.Namespace) -> Iterator[list[str]]:
    """Yield a row for each model and route."""
    options = {**GREEDY, "num_ctx": asked.tokens + CONTEXT}
    with front(models, RAGSTONE_ENGINE=asked.engine) as client:
        routes = {
            "/api/generate raw": by_generate(client, options),
            "/api/chat": by_chat(client, options),
        }
        chosen = asked.model or list(BUNDLED)
        for model in chosen:
            others = [other for other in BUNDLED if other != model]
            for name, ask in routes.items():
                ask(model, "warm ", QUESTIONS[0])
                found = [measure(ask, model, others, asked.tokens) for _ in range(asked.rounds)]
                first = spread([one.first for one in found])
                second = [one.second / one.first for one in found]
                back = [one.after_a_switch / one.first for one in found]
                cells = [f"{statistics.median(ratios):.3f}" for ratios in (second, back)]
                yield [f"{model} {name}", str(found[0].tokens), first, *cells]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--model", action="append", help="default: every bundled one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=2000, help="words, each a token or more")
    parser.add_argument("--engine", default=os.environ.get("RAGSTONE_ENGINE", "llama"))
    asked = parser.parse_args()
    head = ["", "tokens", "first (ms)", "second / first", "after other models / first"]
    found = list(rows(asked.models, asked))
    print(f"{machine()}; engine {asked.engine}; {asked.rounds} rounds\n\n{table(head, found)}")


if __name__ == "__main__":
    main()
