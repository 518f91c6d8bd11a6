"""Tables without lines, laid out to the blank as `ollama` does, so that scripts can cut them.

Columns stand four blanks apart, the last one too; a cell wider than its column may be is broken
between words into lines of nearly equal length.
"""

from collections.abc import Sequence
from functools import cache

GAP = "    "
WIDEST = 30
"""Cells of a column in which lines are not broken."""
_HEIGHT_FILLER = "  "


def table(
    rows: Sequence[Sequence[str]], header: Sequence[str] = (), *, widest: int = WIDEST
) -> str:
    """The lines of the table, each with its line break; rows may differ in length."""
    cells = [[_lines(cell, widest) for cell in row] for row in rows]
    widths = [cell_width(name) for name in header]
    for row in cells:
        widths += [0] * (len(row) - len(widths))
        for at, lines in enumerate(row):
            widths[at] = max(widths[at], *map(cell_width, lines))
    out = []
    if header:
        padded = [_pad(name.upper(), width) for name, width in zip(header, widths, strict=False)]
        out.append(GAP.join(padded) + " ")
    for row in cells:
        for line in range(max(map(len, row), default=0)):
            texts = [lines[line] if line < len(lines) else _HEIGHT_FILLER for lines in row]
            out.append("".join(_pad(text, widths[at]) + GAP for at, text in enumerate(texts)))
    return "".join(f"{line}\n" for line in out)


def cell_width(text: str) -> int:
    """Columns of a terminal that the text takes."""
    from rich.cells import cell_len

    return cell_len(text)


def _pad(text: str, width: int) -> str:
    return text + " " * max(0, width - cell_width(text))


def _lines(text: str, widest: int) -> list[str]:
    words = text.split()
    if not words:
        return [""]
    widths = [cell_width(word) for word in words]
    limit = max(min(widest, cell_width(" ".join(words))), *widths)
    ends = _breaks(tuple(widths), limit)
    return [" ".join(words[start:end]) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _breaks(widths: tuple[int, ...], limit: int) -> list[int]:
    """Where each line ends so that the squares of what is left free, last line apart, sum least."""
    count = len(widths)

    @cache
    def best(start: int) -> tuple[int, int]:
        length = sum(widths[start:]) + count - start - 1
        if length <= limit:
            return 0, count
        choices: list[tuple[int, int]] = []
        length = -1
        for end in range(start + 1, count):
            length += widths[end - 1] + 1
            if length > limit:  # never at the first word: the limit is not below the longest
                break
            choices.append(((limit - length) ** 2 + best(end)[0], end))
        return min(choices)

    ends = [0]
    for at in range(count - 1, -1, -1):  # from the end, so that no call nests deeply
        best(at)
    while ends[-1] < count:
        ends.append(best(ends[-1])[1])
    return ends[1:]
