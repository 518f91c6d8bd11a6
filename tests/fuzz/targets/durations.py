"""Any text or JSON value is a number of seconds, or the one error of its reader."""

import math
from contextlib import suppress

from hypothesis import strategies as st

from backend.durations import parse_duration, parse_keep_alive, parse_setting
from backend.errors import BadRequest
from tests.fuzz.mutations import JSON, pieced

_PIECES = ("1", "0", "9" * 400, ".", "-", "+", "h", "m", "s", "ms", "us", "µs", "μs", "ns", "e9",
           "1h30m", "inf", "nan", "_", "١")  # fmt: skip
CASES = pieced(_PIECES, 8) | JSON | st.floats()


def check(value: object) -> None:
    """Read it by all three."""
    if isinstance(value, str):
        with suppress(ValueError):
            assert not math.isnan(parse_duration(value))
        assert parse_setting(value, 5.0) >= 0
    try:
        seconds = parse_keep_alive(value)
    except BadRequest:
        return
    assert seconds is None or seconds >= 0
