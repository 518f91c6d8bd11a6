"""Chunks with overlap and with counters of any kind: bounds, order, and what is repeated."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunk import ChunkDraft, ChunkSizes, split
from ingest.embedding_text import embedding_text
from ingest.fake_embed import HashingEmbedder
from ingest.loaded import Heading, LoadedDocument
from ingest.loaders.blocks import Blocks
from ingest.sentences import split_sentences
from storage.records import PageSpan

words = HashingEmbedder().count_tokens


def utf8(text: str) -> int:
    """Count as a byte-level model with two special tokens does."""
    return len(text.encode()) + 2


def pairs(text: str) -> int:
    """Count as a model that joins two characters, without special tokens."""
    return (len(text) + 1) // 2


COUNTERS = [words, utf8, pairs]
PIECES = [
    *("The quick brown fox jumps over the lazy dog. ", "Yes. ", "Dr. Who said so; then, he left. "),
    *("中文句子在这里。", "这是一个没有句号的很长的句子，它一直写下去", "😀" * 5, "x" * 120),
    *("\n\n", "\n", "- item\n", " ", "a b c d e f g h i j k l m n o p "),
]
bodies = st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=30).map("".join)


def new_part(before: ChunkDraft, chunk: ChunkDraft, text: str) -> str:
    return text[max(before.end, chunk.start) : chunk.end].strip()


@settings(deadline=None, max_examples=150)
@given(
    text=bodies,
    counter=st.sampled_from(COUNTERS),
    largest=st.integers(8, 80),
    overlap=st.integers(0, 60),
)
def test_bounds_order_and_overlap_hold_for_any_counter(
    text: str, counter: Callable[[str], int], largest: int, overlap: int
) -> None:
    found = split(LoadedDocument(text), counter, ChunkSizes(largest, overlap))
    special = counter("")
    for chunk in found:
        assert text[chunk.start : chunk.end] == chunk.text
        assert counter(chunk.text) <= largest or len(chunk.text) == 1
    for before, chunk in pairwise(found):
        assert before.start < chunk.start
        assert new_part(before, chunk, text), "each chunk adds something"
        repeated = text[chunk.start : before.end] if chunk.start < before.end else ""
        assert counter(repeated) - special <= max(overlap, 0) + len(split_sentences(repeated))
    held = "".join(text[max(chunk.start, end) : chunk.end] for chunk, end in _with_ends(found))
    assert "".join(held.split()) == "".join(text.split())


def _with_ends(found: list[ChunkDraft]) -> list[tuple[ChunkDraft, int]]:
    return list(zip(found, [0, *(chunk.end for chunk in found)], strict=False))


@pytest.mark.parametrize("overlap", [0, 10, 24])
def test_overlap_never_cuts_a_sentence(overlap: int) -> None:
    text = " ".join(f"Sentence number {n} tells of thing {n}." for n in range(40))
    found = split(LoadedDocument(text), words, ChunkSizes(40, overlap))
    starts = {span.start for span in split_sentences(text)}
    ends = {span.end for span in split_sentences(text)}
    assert {chunk.start for chunk in found} <= starts
    assert {chunk.end for chunk in found} <= ends
    overlapping = sum(chunk.start < before.end for before, chunk in pairwise(found))
    assert overlapping == (len(found) - 1 if overlap else 0)


def test_a_larger_overlap_than_half_a_chunk_does_not_stall() -> None:
    text = "One two three four five six. " * 60
    found = split(LoadedDocument(text), words, ChunkSizes(20, 512))
    assert len(found) < 120
    assert found[-1].end == len(text.rstrip())


@settings(deadline=None, max_examples=60)
@given(
    text=bodies.filter(str.strip),
    title=st.text("ab 标题", min_size=1, max_size=200),
    counter=st.sampled_from(COUNTERS),
)
def test_the_headings_before_a_chunk_never_push_its_text_out_of_the_window(
    text: str, title: str, counter: Callable[[str], int]
) -> None:
    loaded = LoadedDocument(text, (), (Heading(0, 1, title),))
    for draft in split(loaded, counter, ChunkSizes(60, 10)):
        embedded = embedding_text(draft, counter, 64)
        assert embedded.endswith(draft.text)
        assert counter(embedded) <= 64


@given(st.lists(st.text("ab。. \n", max_size=40), min_size=1, max_size=6))
def test_a_chunk_names_the_page_that_it_begins_on(pages: list[str]) -> None:
    blocks = Blocks()
    for number, page in enumerate(pages, start=1):
        blocks.page(number, page, joined=False)
    loaded = blocks.done()
    for chunk in split(loaded, words, ChunkSizes(12, 4)):
        named = next(page for page in loaded.pages if page.number == chunk.page)
        assert isinstance(named, PageSpan)
        following = [page.start for page in loaded.pages if page.number > named.number]
        assert named.start <= chunk.start
        assert all(chunk.start < start for start in following if start > named.start)
