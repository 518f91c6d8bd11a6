"""Markdown: the text stays as written; headings and blocks are found by markdown-it."""

from itertools import accumulate, pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ingest.errors import EmptyDocument
from ingest.loaded import Heading, LoadedDocument
from ingest.loaders.blocks import clean, one_line
from ingest.loaders.text import decode

_BLOCKS = frozenset(
    [
        *("paragraph_open", "heading_open", "blockquote_open", "list_item_open"),
        *("fence", "code_block", "html_block", "table_open", "tr_open"),
    ]
)


def load(path: Path) -> LoadedDocument:
    """Read a Markdown file (CommonMark with tables). Raises EmptyDocument where it has no text."""
    text = clean(decode(path.read_bytes()))
    if not text.strip():
        raise EmptyDocument("The file has no text in it.")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    starts = [0, *accumulate(len(line) for line in text.splitlines(keepends=True))]
    return LoadedDocument(
        text=text,
        headings=_headings(tokens, starts),
        breaks=tuple(sorted({starts[t.map[0]] for t in tokens if t.type in _BLOCKS and t.map})),
    )


def _headings(tokens: list[Token], starts: list[int]) -> tuple[Heading, ...]:
    """Return the headings at the top of the document, not those inside lists or quotations."""
    return tuple(
        Heading(starts[token.map[0]], int(token.tag[1]), _title(inline))
        for token, inline in pairwise(tokens)
        if token.type == "heading_open" and token.map and token.level == 0 and _title(inline)
    )


def _title(inline: Token) -> str:
    """Return a heading's words without its markup."""
    return one_line("".join(part.content for part in inline.children or () if part.content))
