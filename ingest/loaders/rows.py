"""Tables as text: every row names its columns, so that it can be understood alone. Pure."""

import re
from collections.abc import Iterator, Sequence

_NUMBER = re.compile(r"[\s$€£¥%+\-–()\d.,:/]+$")


def row_texts(rows: Sequence[Sequence[str]], *, header: bool | None = None) -> Iterator[str]:
    """Yield "Column: value; Column: value" for each row, without its empty cells.

    `header` says whether the first row names the columns; None leaves it to `has_header`.
    Rows above the header with a single filled cell are titles and come first, as they are.
    """
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    titles, rows = _split_titles(rows)
    yield from titles
    if header is None:
        header = has_header(rows)
    if header and len(rows) > 1:
        names = rows[0]
        yield from (_named(names, row) for row in rows[1:])
    else:
        yield from ("; ".join(cell.strip() for cell in row if cell.strip()) for row in rows)


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Guess whether the first row names the columns: all different, none empty, none a number."""
    if len(rows) < 2 or len(rows[0]) < 2:
        return False
    names = [cell.strip() for cell in rows[0]]
    # an empty first cell is the corner of a table with row names
    checked = names[1:] if not names[0] and len(names) > 2 else names
    return (
        all(checked)
        and len(set(checked)) == len(checked)
        and not any(_NUMBER.match(name) for name in checked)
        and max(map(len, checked)) <= 80
    )


def _split_titles(rows: list[Sequence[str]]) -> tuple[list[str], list[Sequence[str]]]:
    titles: list[str] = []
    width = max((len(row) for row in rows), default=0)
    while width > 1 and len(rows) > 2 and _filled(rows[0]) == 1 and _filled(rows[1]) > 1:
        titles += [cell.strip() for cell in rows[0] if cell.strip()]
        rows = rows[1:]
    return titles, rows


def _filled(row: Sequence[str]) -> int:
    return sum(1 for cell in row if cell.strip())


def _named(names: Sequence[str], row: Sequence[str]) -> str:
    cells: dict[str, None] = {}  # a cell over several columns of one name stands once
    for position, cell in enumerate(row):
        value = cell.strip()
        name = names[position].strip() if position < len(names) else ""
        if value:
            cells[f"{name.rstrip(':')}: {value}" if name else value] = None
    return "; ".join(cells)
