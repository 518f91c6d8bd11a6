"""Sizes, counts and durations as `ollama` prints them."""

_BYTES = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "KB"))
_SMALL = ((10**6, "ms"), (10**3, "µs"), (1, "ns"))
SECOND = 10**9
"""Nanoseconds in a second."""


def human_bytes(count: int) -> str:
    """Bytes in decimal units, two digits: `4.7 GB`, `12 MB`, `137 MB`, `2 GB`."""
    for size, unit in _BYTES:
        if count >= size:
            value = count / size
            if value >= 10 or value == int(value):
                return f"{int(value)} {unit}"
            return f"{value:.1f} {unit}"
    return f"{count} B"


def human_number(count: int) -> str:
    """A count of parameters: `7.2B`, `134.52M`, `1.5K` without its fraction, `7B` where whole."""
    for size, unit, digits in ((10**9, "B", 1), (10**6, "M", 2), (10**3, "K", 0)):
        if count >= size:
            return f"{count / size:.{0 if count % size == 0 else digits}f}{unit}"
    return str(count)


def go_duration(nanoseconds: int) -> str:
    """A duration as Go writes it: `1m2.5s`, `523.4ms`, `1.5µs`, `0s`."""
    if nanoseconds < 0:
        return f"-{go_duration(-nanoseconds)}"
    if nanoseconds < SECOND:
        for size, unit in _SMALL:
            if nanoseconds >= size:
                return f"{_decimal(nanoseconds, size)}{unit}"
        return "0s"
    minutes, rest = divmod(nanoseconds, 60 * SECOND)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{_decimal(rest, SECOND)}s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _decimal(count: int, size: int) -> str:
    whole, rest = divmod(count, size)
    if not rest:
        return str(whole)
    digits = len(str(size)) - 1
    return f"{whole}.{rest:0{digits}d}".rstrip("0")
