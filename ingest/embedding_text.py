"""What of a chunk is embedded: its text under the headings it stands below. Pure."""

from ingest.chunk import ChunkDraft, CountTokens


def embedding_text(draft: ChunkDraft, count_tokens: CountTokens, window: int) -> str:
    """Return the chunk's text with its section path above it, innermost headings first to stay.

    "It must be renewed each year." says nothing of what; "Warranty > Battery" above it does.
    The chunk's own text is never cut: headings are left out until all fits into the model's
    window of `window` tokens. The stored text stays without them.
    """
    section = [title for title in draft.section if title not in draft.text[: len(title) + 4]]
    while section:
        text = f"{' > '.join(section)}\n{draft.text}"
        if count_tokens(text) <= window:
            return text
        section = section[1:]
    return draft.text
