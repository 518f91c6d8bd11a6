"""Cuts a loaded document into chunks: along its structure, token-exact, nothing left out. Pure.

1. The headings divide the text into sections; tiny neighbouring sections are put together.
2. A section is a run of sentences, none of them longer than a chunk may be.
3. Sentences are packed: of the ends that fit, the one that makes the chunks of the section most
   nearly equal is taken, a paragraph's end before a mere sentence's.
4. A chunk that begins in mid-paragraph repeats the last sentences of the one before.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from ingest.loaded import Heading, LoadedDocument
from ingest.sentences import Span, split_sentences

CountTokens = Callable[[str], int]
_TINY_SHARE = 8
"""A section under an eighth of a chunk goes to its neighbour: alone it is little but a heading."""
_CHARACTERS_PER_TOKEN = 8
"""English has 4 to 5. What has more is cut, as WordPiece counts any word over 100 characters
as one unknown token: a page of base64 would pass as a single token, unread by the model."""


@dataclass(frozen=True, slots=True)
class ChunkDraft:
    """A chunk before it has ids. `text` == document text[start:end]; `page` is its start's."""

    text: str
    start: int
    end: int
    page: int | None
    section: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Section:
    span: Span
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sentence:
    span: Span
    tokens: int
    opens_block: bool
    """Whether a paragraph, list item or table row begins here."""


@dataclass(frozen=True, slots=True)
class ChunkSizes:
    """Largest chunk and overlap, in tokens as `count_tokens` counts them."""

    max_tokens: int
    overlap_tokens: int = 0


class _Counter:
    """Token counts without the special tokens that every text has."""

    def __init__(self, count_tokens: CountTokens, sizes: ChunkSizes) -> None:
        self._count = count_tokens
        self._special = count_tokens("")
        self.room = max(1, sizes.max_tokens - self._special)
        self.overlap = min(sizes.overlap_tokens, self.room // 2)
        self.longest = max(16, self.room * _CHARACTERS_PER_TOKEN)

    def tokens(self, text: str) -> int:
        return self._count(text) - self._special

    def fits(self, text: str) -> bool:
        return self.tokens(text) <= self.room


def split(loaded: LoadedDocument, count_tokens: CountTokens, sizes: ChunkSizes) -> list[ChunkDraft]:
    """Cut a document into chunks of at most `sizes.max_tokens`, in order of the text.

    Every non-space character of the document is in at least one chunk. `count_tokens` counts
    with the embedding model's special tokens and is called about twice per sentence.
    """
    counter = _Counter(count_tokens, sizes)
    starts = [page.start for page in loaded.pages]
    drafts: list[ChunkDraft] = []
    for section in _merged(loaded.text, _sections(loaded), counter):
        sentences = _sentences(loaded, section.span, counter)
        for span in _pack(loaded.text, sentences, counter):
            page = loaded.pages[max(0, bisect_right(starts, span.start) - 1)] if starts else None
            drafts.append(
                ChunkDraft(
                    text=loaded.text[span.start : span.end],
                    start=span.start,
                    end=span.end,
                    page=page.number if page else None,
                    section=section.path,
                )
            )
    return drafts


def _sections(loaded: LoadedDocument) -> Iterator[_Section]:
    """Divide the text at its headings; each section carries the path of headings above it."""
    stack: list[Heading] = []
    offset = 0
    for heading in loaded.headings:
        if heading.offset > offset:
            yield _Section(Span(offset, heading.offset), tuple(head.title for head in stack))
            offset = heading.offset
        while stack and stack[-1].level >= heading.level:
            stack.pop()
        stack.append(heading)
    yield _Section(Span(offset, len(loaded.text)), tuple(head.title for head in stack))


def _merged(text: str, sections: Iterator[_Section], counter: _Counter) -> Iterator[_Section]:
    """Put a tiny section to its neighbour where they are kin and both fit into one chunk."""
    held = next(sections)
    size = counter.tokens(text[held.span.start : held.span.end])
    for section in sections:
        added = counter.tokens(text[section.span.start : section.span.end])
        tiny = min(size, added) <= counter.room // _TINY_SHARE
        path = _joint_path(held.path, section.path, first_is_tiny=size <= added)
        if tiny and size + added <= counter.room and path is not None:
            held, size = _Section(Span(held.span.start, section.span.end), path), size + added
        else:
            yield held
            held, size = section, added
    yield held


def _joint_path(
    first: tuple[str, ...], second: tuple[str, ...], *, first_is_tiny: bool
) -> tuple[str, ...] | None:
    """Return the headings over two sections in one chunk, None where they share none.

    A bare heading takes the path of the section inside it; a tiny section goes under the
    larger one around it; brothers go under their parent.
    """
    if second[: len(first)] == first:
        return second if first_is_tiny else first
    shared = tuple(a for a, b in takewhile(_same, zip(first, second, strict=False)))
    return shared or None


def _same(pair: tuple[str, str]) -> bool:
    return pair[0] == pair[1]


def _sentences(loaded: LoadedDocument, section: Span, counter: _Counter) -> list[_Sentence]:
    """Return the section's sentences, cut at block starts too, and where one is too long."""
    first = bisect_right(loaded.breaks, section.start)
    last = bisect_right(loaded.breaks, section.end - 1)
    cuts = [section.start, *loaded.breaks[first:last], section.end]
    found: list[_Sentence] = []
    for start, end in pairwise(cuts):
        block = loaded.text[start:end]
        opens = True
        for sentence in split_sentences(block):
            for piece, tokens in _pieces(block, sentence, counter):
                found.append(_Sentence(Span(start + piece.start, start + piece.end), tokens, opens))
                opens = False
    return found


def _pieces(text: str, span: Span, counter: _Counter) -> Iterator[tuple[Span, int]]:
    """Halve a sentence that is too long near its middle, at a clause or word, until it fits.

    Yields each piece with its tokens.
    """
    waiting = [span]
    while waiting:
        start, end = waiting.pop()
        piece = text[start:end]
        tokens = counter.tokens(piece) if len(piece) <= counter.longest else counter.room + 1
        if tokens <= counter.room or len(piece) == 1:
            if not piece.isspace():
                yield Span(start, end), tokens
            continue
        middle = _cut_near_middle(text, start, end)
        waiting += [_stripped(text, middle, end), _stripped(text, start, middle)]


def _cut_near_middle(text: str, start: int, end: int) -> int:
    """Return the best cut in the middle third: after a clause, else after a word, else anywhere."""
    middle, third = (start + end) // 2, (end - start) // 3
    for marks in (";；", ",，、:：", " \n\t"):
        before = max(text.rfind(mark, middle - third, middle) for mark in marks)
        if before > start:
            return before + 1
    return middle


def _stripped(text: str, start: int, end: int) -> Span:
    while start < end - 1 and text[start].isspace():
        start += 1
    while end - 1 > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end)


def _pack(text: str, sentences: Sequence[_Sentence], counter: _Counter) -> Iterator[Span]:
    """Yield the spans of a section's chunks."""
    remaining = sum(sentence.tokens for sentence in sentences)
    fresh = 0  # the first sentence that is in no chunk yet
    first = -1
    while fresh < len(sentences):
        # what repeats the whole chunk before would make that one superfluous
        first = _overlap_start(sentences, first + 1, fresh, counter)
        end = _chunk_end(sentences, first, fresh, remaining, counter)
        # with some models the tokens of joined sentences are more than their sum
        while not counter.fits(_text(text, sentences, first, end)) and end - first > 1:
            if first < fresh:
                first += 1
            else:
                end -= 1
        yield Span(sentences[first].span.start, sentences[end - 1].span.end)
        remaining -= sum(sentence.tokens for sentence in sentences[fresh:end])
        fresh = end


def _text(text: str, sentences: Sequence[_Sentence], first: int, end: int) -> str:
    return text[sentences[first].span.start : sentences[end - 1].span.end]


def _overlap_start(
    sentences: Sequence[_Sentence], lowest: int, fresh: int, counter: _Counter
) -> int:
    """Return where a chunk begins whose new part begins at `fresh`, `lowest` at the least."""
    first, tokens = fresh, 0
    while first > lowest and not sentences[first].opens_block:
        tokens += sentences[first - 1].tokens
        if tokens > counter.overlap or tokens + sentences[fresh].tokens > counter.room:
            break
        first -= 1
    return first


def _chunk_end(
    sentences: Sequence[_Sentence], first: int, fresh: int, remaining: int, counter: _Counter
) -> int:
    """Return the index after the chunk's last sentence, at least `fresh` + 1."""
    room = counter.room - sum(sentence.tokens for sentence in sentences[first:fresh])
    goal = remaining / max(1, -(-remaining // room))
    fitting: list[tuple[int, int]] = []
    tokens = 0
    for end in range(fresh + 1, len(sentences) + 1):
        tokens += sentences[end - 1].tokens
        if tokens > room:
            break
        fitting.append((end, tokens))
    if not fitting:
        return fresh + 1
    enough = [found for found in fitting if found[1] >= goal * 2 / 3] or fitting[-1:]
    at_blocks = [
        found for found in enough if found[0] == len(sentences) or sentences[found[0]].opens_block
    ]
    return min(at_blocks or enough, key=lambda found: abs(found[1] - goal))[0]
