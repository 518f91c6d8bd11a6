"""The table of `run --verbose`: how long the answer took and how fast it came."""

from collections.abc import Mapping
from typing import Any

from backend.commands.units import SECOND, go_duration


def timings(last: Mapping[str, Any]) -> str:
    """Lines for the last object of an answer; a figure that it lacks has no line."""
    lines = [
        (f"{name} duration:", go_duration(taken))
        for name in ("total", "load")
        if (taken := last.get(f"{name}_duration"))
    ]
    for name in ("prompt eval", "eval"):
        key = name.replace(" ", "_")
        count, taken = last.get(f"{key}_count"), last.get(f"{key}_duration")
        if count:
            lines.append((f"{name} count:", f"{count} token(s)"))
        if taken:
            lines.append((f"{name} duration:", go_duration(taken)))
            rate = (count or 0) * SECOND / taken
            lines.append((f"{name} rate:", f"{rate:.2f} tokens/s"))
    return "".join(f"{label:<21} {value}\n" for label, value in lines)
