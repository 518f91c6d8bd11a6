"""CSV and TSV: the separator is found out, every row becomes one unit that names its columns."""

import csv
import io
from collections import Counter
from pathlib import Path

from ingest.errors import EmptyDocument
from ingest.loaded import LoadedDocument
from ingest.loaders.blocks import Blocks, one_line
from ingest.loaders.rows import row_texts
from ingest.loaders.text import decode

_SEPARATORS = ",;\t|"
_SAMPLE_ROWS = 100
_LONGEST_CELL = 16 * 1024 * 1024


def load(path: Path) -> LoadedDocument:
    """Read a CSV or TSV file. Raises EmptyDocument where no cell is filled."""
    text = decode(path.read_bytes())
    blocks = Blocks()
    for row in row_texts(read_rows(text)):
        blocks.add(row)
    loaded = blocks.done()
    if not loaded.text:
        raise EmptyDocument("The table has no filled cells.")
    return loaded


def read_rows(text: str) -> list[list[str]]:
    """Return the cells of a table of unknown separator, white space inside cells evened out."""
    csv.field_size_limit(_LONGEST_CELL)
    lines = io.StringIO(text.replace("\0", ""), newline="")
    first = lines.readline()
    separator = None
    if first.lower().startswith("sep=") and len(first.strip()) == 5:
        separator = first.strip()[4]  # Excel's own hint
    else:
        lines.seek(0)
    separator = separator or find_separator(text)
    return [[one_line(cell) for cell in row] for row in csv.reader(lines, delimiter=separator)]


def find_separator(text: str) -> str:
    """Return which of , ; tab | divides most lines into the same number of cells."""
    sample = text.splitlines()[:_SAMPLE_ROWS]
    return max(_SEPARATORS, key=lambda separator: _agreement(sample, separator))


def _agreement(lines: list[str], separator: str) -> tuple[float, int]:
    """Score a separator: the share of lines with the most usual width (above one), then it."""
    widths = Counter(len(row) for row in csv.reader(lines, delimiter=separator) if row)
    divided = Counter({width: count for width, count in widths.items() if width > 1})
    if not divided:
        return (0.0, 0)
    width, count = divided.most_common(1)[0]
    return (count / widths.total(), width)
