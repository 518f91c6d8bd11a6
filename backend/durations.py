"""Durations as Go writes them, and `keep_alive`, which is a duration with two special values."""

import math
import re
from typing import Any

from backend.errors import BadRequest

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_STEP = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
FOREVER = math.inf


def parse_duration(text: str) -> float:
    """Seconds in a Go duration such as `1h30m` or `-1.5s`; raises ValueError with Go's sentence."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    sign = -1.0 if text[:1] == "-" else 1.0
    if rest == "0":
        return 0.0
    seconds, at = 0.0, 0
    while at < len(rest):
        step = _STEP.match(rest, at)
        if step is None:
            break
        seconds += float(step[1]) * _UNITS[step[2]]
        at = step.end()
    if not rest or at < len(rest):
        raise ValueError(f'time: invalid duration "{text}"')
    return sign * seconds


def parse_keep_alive(value: Any) -> float | None:
    """Seconds to keep a model after its last request; negative means FOREVER, None absent.

    A JSON number counts seconds, a string is a Go duration; raises BadRequest for all else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadRequest(f"invalid type for keep_alive: {type(value).__name__}")
    try:
        seconds = parse_duration(value) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError) as error:
        raise BadRequest(str(error)) from error
    if math.isnan(seconds):
        raise BadRequest("keep_alive is not a number")
    return FOREVER if seconds < 0 else seconds


def parse_setting(value: str, default: float) -> float:
    """Seconds in an environment variable: a Go duration or whole seconds; else the default."""
    try:
        seconds = float(int(value))
    except OverflowError:
        return default
    except ValueError:
        try:
            seconds = parse_duration(value)
        except ValueError:
            return default
    return FOREVER if seconds < 0 else seconds
