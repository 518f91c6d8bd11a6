import re
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunk import ChunkDraft, ChunkSizes, split
from ingest.fake_embed import HashingEmbedder
from ingest.loaded import Heading, LoadedDocument
from ingest.loaders.blocks import Blocks
from storage.records import PageSpan

count = HashingEmbedder().count_tokens
SENTENCE = "The quick brown fox jumps over the lazy dog again. "  # 11 tokens, 13 with special ones


def chunks(loaded: LoadedDocument, max_tokens: int = 40, overlap: int = 0) -> list[ChunkDraft]:
    return split(loaded, count, ChunkSizes(max_tokens, overlap))


def sections(*titled: tuple[int, str, str]) -> LoadedDocument:
    blocks = Blocks()
    for level, title, body in titled:
        blocks.heading(title, level)
        blocks.add(body)
    return blocks.done()


def test_a_short_document_is_one_chunk() -> None:
    [only] = chunks(LoadedDocument("  One. Two.\n"))
    assert (only.text, only.start, only.end, only.page) == ("One. Two.", 2, 11, None)


def test_an_empty_document_has_no_chunks() -> None:
    assert chunks(LoadedDocument(" \n ")) == []


def test_sections_stay_apart_and_carry_their_path() -> None:
    found = chunks(
        sections((1, "Care", SENTENCE * 2), (2, "Water", SENTENCE * 2), (1, "Price", SENTENCE * 2))
    )
    assert [c.section for c in found] == [("Care",), ("Care", "Water"), ("Price",)]
    assert [c.text.split()[0] for c in found] == ["Care", "Water", "Price"]


def test_a_heading_without_text_goes_with_its_first_section() -> None:
    found = chunks(sections((1, "Manual", ""), (2, "Water", SENTENCE * 2)))
    assert [(c.section, c.text[:6]) for c in found] == [(("Manual", "Water"), "Manual")]


def test_tiny_siblings_share_a_chunk_under_their_parent() -> None:
    found = chunks(
        sections((1, "Top", SENTENCE * 3), (2, "A", "One."), (2, "B", "Two."), (2, "C", "Three.")),
        max_tokens=60,
    )
    assert [c.section for c in found] == [("Top",)]
    assert "One." in found[0].text
    assert "Three." in found[0].text


def test_tiny_sections_without_a_common_heading_stay_apart() -> None:
    found = chunks(sections((1, "A", "One."), (1, "B", "Two.")))
    assert [c.section for c in found] == [("A",), ("B",)]


def test_cuts_at_a_paragraph_before_a_sentence() -> None:
    blocks = Blocks()
    for _ in range(4):
        blocks.add(SENTENCE * 2)
    found = chunks(blocks.done(), max_tokens=50)
    assert [len(c.text.split("\n\n")) for c in found] == [2, 2]


def test_overlap_is_whole_sentences_within_a_paragraph() -> None:
    text = " ".join(f"Sentence number {n} is here." for n in range(20))
    found = chunks(LoadedDocument(text), max_tokens=26, overlap=8)
    for one, other in pairwise(found):
        shared = text[other.start : one.end]
        assert re.fullmatch(r"Sentence number \d+ is here\.", shared)


def test_no_overlap_where_a_block_begins() -> None:
    blocks = Blocks()
    for n in range(12):
        blocks.add(f"Row: {n}; Name: value {n}; Price: {n} euro")
    found = chunks(blocks.done(), overlap=20)
    assert len(found) > 1
    assert all(one.end < other.start for one, other in pairwise(found))


def test_page_is_that_of_the_start() -> None:
    text = SENTENCE * 6
    pages = (PageSpan(1, 0, 150), PageSpan(2, 150, 200), PageSpan(3, 200, len(text)))
    found = chunks(LoadedDocument(text, pages))
    assert [c.page for c in found] == [1, 1 if found[1].start < 150 else 2]


def test_chinese_is_cut_at_its_own_full_stops() -> None:
    found = chunks(LoadedDocument("保修期为两年。退货期为三十天。" * 6), max_tokens=42)
    assert len(found) > 1
    assert all(c.text.endswith("。") for c in found)


@pytest.mark.parametrize(
    "text",
    ["x" * 5000, "word " * 2000, "长" * 3000, "a;b,c " * 900, "a" + " " * 5000 + "b", "🦆" * 700],
)
def test_a_sentence_that_is_too_long_is_cut_and_kept(text: str) -> None:
    found = chunks(LoadedDocument(text))
    check(LoadedDocument(text), found, 40)


def test_a_model_that_counts_more_for_joined_text_is_believed() -> None:
    def greedy(text: str) -> int:
        return count(text) + len(text) // 60

    loaded = LoadedDocument(SENTENCE * 30)
    found = split(loaded, greedy, ChunkSizes(60))
    assert all(greedy(c.text) <= 60 for c in found)
    check(loaded, found, 60)


def check(loaded: LoadedDocument, found: list[ChunkDraft], max_tokens: int) -> None:
    covered = set()
    for chunk in found:
        assert chunk.text == loaded.text[chunk.start : chunk.end]
        assert chunk.text.strip() == chunk.text != ""
        assert count(chunk.text) <= max_tokens
        covered.update(range(chunk.start, chunk.end))
    missing = [i for i, c in enumerate(loaded.text) if not c.isspace() and i not in covered]
    assert missing == []
    assert [c.start for c in found] == sorted(c.start for c in found)
    assert all(a.end < b.end for a, b in pairwise(found))


texts = st.lists(
    st.one_of(
        st.sampled_from(
            [SENTENCE, "Short. ", "\n\n", "\n- item\n", "。", "中文句子。", "x" * 90, " "]
        ),
        st.text(max_size=60),
    ),
    max_size=40,
).map("".join)


@given(texts, st.integers(4, 60), st.integers(0, 30), st.data())
def test_nothing_is_lost_and_no_chunk_is_too_long(
    text: str, max_tokens: int, overlap: int, data: st.DataObject
) -> None:
    offsets = st.lists(st.integers(0, max(0, len(text) - 1)), max_size=8, unique=True).map(sorted)
    heads = tuple(Heading(o, data.draw(st.integers(0, 4)), f"h{o}") for o in data.draw(offsets))
    loaded = LoadedDocument(text, (), heads, tuple(data.draw(offsets)) if text else ())
    check(loaded, chunks(loaded, max_tokens, overlap), max_tokens)


def test_is_linear_in_the_length_of_the_text() -> None:
    calls = 0

    def counted(text: str) -> int:
        nonlocal calls
        calls += len(text)
        return count(text)

    loaded = LoadedDocument(SENTENCE * 4000)
    began = time.perf_counter()
    split(loaded, counted, ChunkSizes(200, 24))
    assert calls < 4 * len(loaded.text)
    assert time.perf_counter() - began < 20
