"""What the front costs: the same prompts to an engine's own port, through the front, in-process.

    python -m benchmarks.backend [--models FOLDER] [--model NAME] [--rounds 10] [--clients 1,2,4,8]

Three engines with one model and the same parameters are loaded and asked in turn, in every round
by so many clients at once as the level says, each with a prompt that nobody has seen. Shown are
medians (lowest-highest) of the rounds, and what a side is worth of the raw port, round by round:
1 is equal, below 1 is worse, whether the figure is a rate or a time.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import psutil

from backend.engine.llama_runner import child_order
from backend.engine.runner import RunnerSpec
from backend.engine.threads import SPIN_COUNT
from benchmarks.report import machine, ratio, spread, table
from benchmarks.servers import BUNDLED, MODELS, bare_child, front, spec_of

WORDS = ["the", "river", "carried", "boats", "past", "old", "stone", "towns", "while", "farmers"]
REQUEST = {"temperature": 0, "seed": 1, "top_k": 40, "top_p": 0.9, "min_p": 0.0}
TIMES = ("first token (ms)", "total (ms)", "between tokens (ms)")


@dataclass(frozen=True, slots=True)
class Timing:
    """One request: the engine's own rates, and milliseconds as the client saw them."""

    prefill: float
    decode: float
    first: float
    total: float
    between: float


NAMES = ("prefill (t/s)", "decode (t/s)", *TIMES)
Ask: TypeAlias = Callable[[str], Timing]


def prompt(seed: int, words: int) -> str:
    """Return a text of that many words that shares no beginning with that of another seed."""
    chosen = (WORDS[(seed + i * i) % len(WORDS)] for i in range(words))
    return f"{seed} " + " ".join(chosen)


class Clock:
    """Notes when the objects of one answer come."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._seen: list[float] = []
        self.last: dict[str, Any] = {}

    def see(self, value: dict[str, Any]) -> None:
        """Note an object of the answer."""
        self._seen.append(1e3 * (time.perf_counter() - self._started))
        self.last = value

    def timing(self, prefill: float, decode: float) -> Timing:
        """Return the timing; between tokens is taken without the object that only sums up."""
        total = 1e3 * (time.perf_counter() - self._started)
        texts = self._seen[:-1] or self._seen
        between = (texts[-1] - texts[0]) / max(len(texts) - 1, 1)
        return Timing(prefill, decode, texts[0], total, between)


def through_front(client: httpx.Client, model: str, tokens: int) -> Ask:
    """Return how to ask the front: POST /api/generate, streamed."""

    def ask(text: str) -> Timing:
        options = {"num_predict": tokens, **REQUEST}
        body = {"model": model, "prompt": text, "raw": True, "options": options}
        clock = Clock()
        for line in lines(client, "/api/generate", body):
            clock.see(json.loads(line))
        told = clock.last
        return clock.timing(
            1e9 * told["prompt_eval_count"] / told["prompt_eval_duration"],
            1e9 * told["eval_count"] / told["eval_duration"],
        )

    return ask


def at_port(client: httpx.Client, tokens: int) -> Ask:
    """Return how to ask a child's own port: POST /completion, streamed."""

    def ask(text: str) -> Timing:
        body = {"prompt": text, "stream": True, "n_predict": tokens, **REQUEST}
        clock = Clock()
        for line in lines(client, "/completion", body):
            clock.see(json.loads(line.removeprefix("data: ")))
        return engine_timing(clock)

    return ask


def in_process(spec: RunnerSpec, tokens: int) -> Ask:
    """Return how to ask the engine's Python binding, loaded into this process."""
    os.environ["GOMP_SPINCOUNT"] = SPIN_COUNT  # read when the library is loaded
    import xllamacpp

    from backend.engine.llama_child import parameters

    order = {**child_order(spec, "unused"), "address_space": 0}
    params = parameters(xllamacpp, order)
    params.verbosity = 0
    server = xllamacpp.Server(params)

    def ask(text: str) -> Timing:
        clock = Clock()
        body = {"prompt": text, "stream": True, "n_predict": tokens, **REQUEST}
        server.handle_completions(body, clock.see)
        return engine_timing(clock)

    return ask


def engine_timing(clock: Clock) -> Timing:
    """Return the timing with the rates that llama.cpp's last event tells."""
    told = clock.last["timings"]
    return clock.timing(told["prompt_per_second"], told["predicted_per_second"])


def lines(client: httpx.Client, path: str, body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of an answer that say something."""
    with client.stream("POST", path, json=body) as response:
        response.raise_for_status()
        yield from filter(None, response.iter_lines())


def ask_at_once(ask: Ask, seeds: range, words: int) -> list[Timing]:
    """Return the timings of so many clients that ask at the same time."""
    with ThreadPoolExecutor(len(seeds)) as clients:
        return list(clients.map(lambda seed: ask(prompt(seed, words)), seeds))


def run_level(
    sides: Mapping[str, Ask], clients: int, rounds: int, words: int
) -> dict[str, list[list[Timing]]]:
    """Return each side's timings by rounds; the side that begins changes with the round."""
    found: dict[str, list[list[Timing]]] = {side: [] for side in sides}
    names = list(sides)
    for number in range(rounds):
        seeds = range(1000 * clients + 100 * number, 1000 * clients + 100 * number + clients)
        turn = number % len(names)
        for side in (*names[turn:], *names[:turn]):
            found[side].append(ask_at_once(sides[side], seeds, words))
    return found


def rows(found: Mapping[str, list[list[Timing]]]) -> Iterator[list[str]]:
    """Yield a row for each figure: medians, and what the others are worth of the first side."""
    first, *others = found
    for name, field in zip(NAMES, fields(Timing), strict=True):
        by_round = {
            side: [statistics.median(getattr(t, field.name) for t in one) for one in rounds]
            for side, rounds in found.items()
        }
        cells = [name, spread(by_round[first])]
        for side in others:
            pair = (by_round[first], by_round[side])
            worth = ratio(*pair) if name in TIMES else ratio(*reversed(pair))
            cells += [spread(by_round[side]), f"{worth:.3f}"]
        yield cells


def processor_ms(process: psutil.Process) -> float:
    """Return the milliseconds of processor that the process itself has used."""
    used = process.cpu_times()
    return 1e3 * (used.user + used.system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--model", default=BUNDLED[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--words", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--clients", default="1,2,4,8")
    asked = parser.parse_args()
    spec = spec_of(asked.models, asked.model)
    with ExitStack() as stack:
        bare = stack.enter_context(bare_child(spec))
        server = stack.enter_context(front(asked.models))
        sides = {
            "raw port": at_port(bare, asked.tokens),
            "front": through_front(server, asked.model, asked.tokens),
            "in-process": in_process(spec, asked.tokens),
        }
        for ask in sides.values():
            ask("warm")
        (serving,) = (p for p in psutil.Process().children() if p.cmdline()[-1] == "backend")
        print(f"{asked.model}: {asked.words} words in, {asked.tokens} tokens out, ", end="")
        print(f"{asked.rounds} rounds; {machine()}")
        head = ["", "raw port", "front", "of raw", "in-process", "of raw"]
        for clients in map(int, asked.clients.split(",")):
            before = processor_ms(serving)
            found = run_level(sides, clients, asked.rounds, asked.words)
            answered = clients * asked.rounds * asked.tokens
            print(f"\n{clients} at once\n\n{table(head, list(rows(found)))}\n")
            spent = (processor_ms(serving) - before) / answered
            raw = statistics.median(1e3 / t.decode for one in found["raw port"] for t in one)
            print(f"The front's own processor time: {spent:.3f} ms a token, ", end="")
            print(f"{100 * spent / raw:.1f} % of the {raw:.1f} ms that the engine takes for one.")
        print(f"\n{machine()} at the end")


if __name__ == "__main__":
    main()
