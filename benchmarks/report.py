"""What the benchmarks' reports share: the machine, medians with their spread, tables."""

import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path


def machine() -> str:
    """Return processor, cores and load."""
    try:
        told = Path("/proc/cpuinfo").read_text()
        names = [
            r.split(":", 1)[1].strip() for r in told.splitlines() if r.startswith("model name")
        ]
    except OSError:
        names = [platform.processor()]
    return f"{names[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def spread(values: Sequence[float]) -> str:
    """Return `median (lowest-highest)`, with decimals where the numbers are small."""
    middle = statistics.median(values)
    digits = 0 if middle >= 100 else 1 if middle >= 1 else 3
    return f"{middle:.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def ratio(values: Sequence[float], baseline: Sequence[float]) -> float:
    """Return the median of the ratios pair by pair: what drifts between rounds cancels out."""
    return statistics.median(one / other for one, other in zip(values, baseline, strict=True))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, first column left, the others right."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))
