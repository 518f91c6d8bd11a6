"""Inline SVG of a report: bars with error bars, a histogram, and confidence dots. Pure.

Colours are CSS classes, so that the page's light and dark themes hold for the plots too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 720
LABEL = 150
ROW = 24


@dataclass(frozen=True, slots=True)
class Bar:
    """A share between 0 and 1 with its standard error."""

    label: str
    value: float
    stderr: float | None = None
    bad: bool = False
    """Drawn in the colour of what should be low."""


def bars(rows: Sequence[Bar]) -> str:
    """Draw horizontal bars from 0 to 1, with whiskers of one standard error."""
    height = ROW * len(rows) + 22
    span = WIDTH - LABEL - 60
    parts = [
        f'<line class="grid" x1="{LABEL + span * tick}" y1="0" x2="{LABEL + span * tick}" '
        f'y2="{height - 20}"/><text class="tick" x="{LABEL + span * tick}" y="{height - 6}" '
        f'text-anchor="middle">{tick:g}</text>'
        for tick in (0, 0.25, 0.5, 0.75, 1)
    ]
    for index, row in enumerate(rows):
        parts.append(_bar(row, index * ROW + 3, span))
    return _svg(height, parts, "metrics with standard errors")


def _bar(row: Bar, top: float, span: float) -> str:
    middle = top + (ROW - 8) / 2
    end = LABEL + span * row.value
    style = "bar bad" if row.bad else "bar"
    whisker = ""
    if row.stderr:
        low = LABEL + span * max(row.value - row.stderr, 0)
        high = LABEL + span * min(row.value + row.stderr, 1)
        whisker = f'<path class="whisker" d="M{low:.1f} {middle}H{high:.1f}'
        whisker += f'M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8"/>'
    return (
        f'<text x="{LABEL - 8}" y="{middle + 4}" text-anchor="end">{escape(row.label)}</text>'
        f'<rect class="{style}" x="{LABEL}" y="{top}" width="{max(end - LABEL, 1):.1f}" '
        f'height="{ROW - 8}" rx="2"/>{whisker}'
        f'<text class="value" x="{WIDTH}" y="{middle + 4}" text-anchor="end">{row.value:.3f}</text>'
    )


def bins(values: Sequence[float], most: int = 40) -> list[tuple[float, float, int]]:
    """Return (from, to, count) of equal, round bins that cover the values."""
    if not values:
        return []
    low, high = min(values), max(values)
    width = round_step((high - low) / most or max(high, 1) / most)
    start = math.floor(low / width)
    counts = [0] * (math.floor(high / width) - start + 1)
    for value in values:
        counts[math.floor(value / width) - start] += 1
    return [((start + i) * width, (start + i + 1) * width, count) for i, count in enumerate(counts)]


def round_step(width: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not below `width`."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= width * (1 - 1e-9))


def histogram(values: Sequence[float], marks: Sequence[tuple[str, float]]) -> str:
    """Draw a histogram in milliseconds, with named marks such as p50."""
    found = bins(values)
    if not found:
        return ""
    height, top = 190, 44
    low, high = found[0][0], found[-1][1]
    most = max(count for _, _, count in found)
    scale = (WIDTH - 40) / (high - low)
    parts = []
    for start, end, count in found:
        x, tall = 20 + (start - low) * scale, (height - top - 24) * count / most
        parts.append(
            f'<rect class="bar" x="{x + 0.5:.1f}" y="{height - 24 - tall:.1f}" '
            f'width="{max((end - start) * scale - 1, 1):.1f}" height="{tall:.1f}">'
            f"<title>{start:g} to {end:g} ms: {count}</title></rect>"
        )
    for row, (name, value) in enumerate(marks):
        x = 20 + (value - low) * scale
        anchor = "end" if x > WIDTH * 0.8 else "start"
        shift = -4 if anchor == "end" else 4
        parts.append(
            f'<line class="mark" x1="{x:.1f}" y1="{6 + 13 * row}" x2="{x:.1f}" y2="{height - 24}"/>'
            f'<text x="{x + shift:.1f}" y="{14 + 13 * row}" text-anchor="{anchor}">'
            f"{escape(name)} {value:,.0f} ms</text>"
        )
    for edge, anchor in ((low, "start"), (high, "end")):
        x = 20 + (edge - low) * scale
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{height - 6}" text-anchor="{anchor}">'
            f"{edge:,.0f} ms</text>"
        )
    return _svg(height, parts, "latency histogram")


@dataclass(frozen=True, slots=True)
class Dot:
    """A case by the service's confidence; `row` 0 is answerable, 1 is not."""

    title: str
    confidence: float
    row: int
    abstained: bool


def confidences(dots: Sequence[Dot]) -> str:
    """Draw answerable and unanswerable cases over confidence: what a threshold could part."""
    if not dots:
        return ""
    low, high = min(d.confidence for d in dots), max(d.confidence for d in dots)
    scale = (WIDTH - 170) / ((high - low) or 1)
    parts = [
        '<text x="0" y="34">answerable</text><text x="0" y="84">not answerable</text>',
        f'<text class="tick" x="140" y="116">{low:.2f}</text>',
        f'<text class="tick" x="{WIDTH}" y="116" text-anchor="end">{high:.2f} confidence</text>',
    ]
    for number, dot in enumerate(dots):
        y = (30, 80)[dot.row] + (number % 5 - 2) * 6  # spread, so that equal ones can be seen
        parts.append(
            f'<circle class="{"held" if dot.abstained else "said"}" r="4" '
            f'cx="{140 + (dot.confidence - low) * scale:.1f}" cy="{y}">'
            f"<title>{escape(dot.title)}</title></circle>"
        )
    return _svg(122, parts, "confidence of every case")


def _svg(height: float, parts: Sequence[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )
