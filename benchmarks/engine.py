"""What each parameter of the engine is worth: prompts read and replies written, one change a row.

    python -m benchmarks.engine [--models FOLDER] [--rounds 3] [--only threads,batch] [--tiny]

The baseline is what the backend gives the engine. In every round each variant gets a child of its
own and the same work: prompts of 512 and 2,048 random tokens, a reply of 128. A row shows the
median of the rounds, and in brackets its ratio to the baseline of the same round (above 1 is
faster).
`kept` is how many tokens of a prompt come from the cache when a passage of 25 tokens was left out
after its first quarter: a quarter without cache reuse, nearly all with it, nothing where the cache
holds the sliding window only.
"""

import argparse
import json
import random
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import httpx
import psutil

from backend.engine.ik_runner import IK_CHILD, unsuited
from backend.engine.runner import RunnerSpec
from backend.engine.threads import SPIN_COUNT
from benchmarks.report import machine, ratio, table
from benchmarks.servers import BUNDLED, MODELS, bare_child, spec_of

VARIED_CHILD = "benchmarks.engine_child"
FIRST_ID, LAST_ID = 1000, 20000  # ordinary words in both bundled vocabularies


@dataclass(frozen=True, slots=True)
class Variant:
    """A change of the baseline: of the order to the child, the engine's parameters, or the rest."""

    name: str
    order: Mapping[str, Any] = field(default_factory=dict)
    also: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    child: str = VARIED_CHILD


BASELINE = Variant("baseline")
VARIANTS = (
    Variant("threads 1", {"num_thread": 1}),
    Variant("threads 4", {"num_thread": 4}),
    *(Variant(f"batch {size}", {"num_batch": size}) for size in (32, 64, 256, 512, 2048)),
    Variant("batch 512, ubatch 128", {"num_batch": 512}, {"n_ubatch": 128}),
    Variant("flash attention on", {"flash_attention": True}),
    Variant("flash attention off", {"flash_attention": False}),
    Variant("KV q8_0", {"kv_type": "q8_0", "flash_attention": True}),
    Variant("KV q4_0", {"kv_type": "q4_0", "flash_attention": True}),
    Variant("cache reuse 64", also={"n_cache_reuse": 64}),
    Variant("slots 4", {"parallel": 4}),
    Variant("SWA window only", also={"swa_full": False}),
    Variant("no mmap", {"use_mmap": False}),
    Variant("mlock", also={"load_mode": "LLAMA_LOAD_MODE_MMAP_MLOCK"}),
    Variant("no repacking", also={"no_extra_bufts": True}),
    Variant("poll 0", also={"cpuparams.poll": 0, "cpuparams_batch.poll": 0}),
    *(
        Variant(f"GOMP_SPINCOUNT {count}", environment={"GOMP_SPINCOUNT": count})
        for count in ("0", "10000", "1000000")
    ),
    Variant("ik_llama.cpp", child=IK_CHILD),
)


@dataclass(frozen=True, slots=True)
class Result:
    """Tokens a second, tokens kept, MB of the child."""

    short_prompt: float
    long_prompt: float
    reply: float
    kept: float
    resident: float


@dataclass(frozen=True, slots=True)
class Work:
    """How many tokens each measurement takes."""

    short_prompt: int = 512
    long_prompt: int = 2048
    reply: int = 128
    body: int = 1500


TINY = Work(32, 64, 4, 160)


def tokens(count: int) -> list[int]:
    """Return random ids: no two prompts share a beginning, so nothing comes from a cache."""
    return [random.randrange(FIRST_ID, LAST_ID) for _ in range(count)]


def ask(client: httpx.Client, prompt: list[int], reply: int = 1) -> dict[str, Any]:
    """Return the engine's own timings of one completion."""
    body = {
        "prompt": prompt, "n_predict": reply, "temperature": 0, "seed": 1, "cache_prompt": True,
        "top_k": 40, "top_p": 0.9, "min_p": 0, "typical_p": 1, "ignore_eos": True,
        "repeat_last_n": 0, "repeat_penalty": 1, "presence_penalty": 0, "frequency_penalty": 0,
        "stop": [], "n_keep": 4, "stream": True,
    }  # fmt: skip
    return read_last(client.post("/completion", json=body).text)["timings"]


def read_last(stream: str) -> dict[str, Any]:
    """Return the last event of a stream of events."""
    last: dict[str, Any] = json.loads(stream.strip().split("\n\n")[-1].removeprefix("data: "))
    return last


def measure(spec: RunnerSpec, variant: Variant, work: Work) -> Result:
    """Start a child and measure it."""
    changes = {**variant.order, "also": dict(variant.also)}
    with bare_child(spec, variant.child, changes, variant.environment) as client:
        ask(client, tokens(16), 2)  # the first touch of the weights is the disk's time
        rates = [
            1e3 * timed["prompt_n"] / timed["prompt_ms"]
            for timed in (
                ask(client, tokens(size)) for size in (work.short_prompt, work.long_prompt)
            )
        ]
        timed = ask(client, tokens(32), work.reply)
        head, body = tokens(work.body // 4), tokens(work.body)
        ask(client, [*head, *tokens(25), *body])
        kept = ask(client, [*head, *body])["cache_n"]
        held = sum(child.memory_info().rss for child in psutil.Process().children(recursive=True))
        reply = 1e3 * timed["predicted_n"] / timed["predicted_ms"]
    return Result(*rates, reply, kept, held / 1e6)


def rows(results: Mapping[str, list[Result]]) -> Iterator[list[str]]:
    """Yield a row for each variant; its ratios are taken round by round."""
    baseline = results[BASELINE.name]
    for name, found in results.items():
        cells = [name]
        for one in fields(Result):
            values, base = ([getattr(r, one.name) for r in side] for side in (found, baseline))
            middle = statistics.median(values)
            shown = f"{middle:.0f}" if middle >= 100 or one.name == "kept" else f"{middle:.1f}"
            rate = one.name in ("short_prompt", "long_prompt", "reply")
            cells.append(f"{shown} ({ratio(values, base):.2f})" if rate else shown)
        yield cells


def compare(models: Path, model: str, chosen: list[Variant], rounds: int, work: Work) -> str:
    """Measure one model round by round and return its table."""
    spec = spec_of(models, model)
    if unsuited(spec):
        chosen = [variant for variant in chosen if variant.child != IK_CHILD]
    results: dict[str, list[Result]] = {v.name: [] for v in (BASELINE, *chosen)}
    for number in range(rounds):
        for variant in (BASELINE, *random.sample(chosen, len(chosen))):
            results[variant.name].append(measure(spec, variant, work))
        print(f"{model}: round {number + 1} of {rounds}; {machine()}", flush=True)
    load = spec.load
    head = f"{model}, baseline: {load.num_thread} threads, batch and ubatch {load.num_batch}, "
    head += (
        f"context {load.num_ctx}, KV {spec.kv_type}, GOMP_SPINCOUNT {SPIN_COUNT}, SWA full, mmap"
    )
    names = [f"read {work.short_prompt} (t/s)", f"read {work.long_prompt} (t/s)"]
    names += [f"write {work.reply} (t/s)", f"kept of {work.body * 5 // 4}", "MB"]
    return f"\n{head}\n\n{table(['', *names], list(rows(results)))}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--model", action="append", help="default: every bundled one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="variants whose names begin so, by commas")
    parser.add_argument("--tiny", action="store_true", help="a few tokens: to see that it runs")
    asked = parser.parse_args()
    wanted = tuple(part.strip() for part in asked.only.split(","))
    chosen = [variant for variant in VARIANTS if variant.name.startswith(wanted)]
    work = TINY if asked.tiny else Work()
    tables = [
        compare(asked.models, model, chosen, asked.rounds, work) for model in asked.model or BUNDLED
    ]
    print(machine(), *tables, sep="\n")


if __name__ == "__main__":
    main()
