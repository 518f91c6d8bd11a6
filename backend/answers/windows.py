"""A reply that goes on when the context is full.

llama.cpp drops the oldest half of its cache and goes on by itself where the cache can be moved.
Where it cannot (models with several positions a token) it stops with `length`; then the same is
done here: the oldest half is left out of a new prompt that ends with what was said so far.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from backend.engine.runner import Completion, Finish, Piece, Runner


async def across_windows(
    runner: Runner, request: Completion, window: int, keep: int
) -> AsyncGenerator[Piece, None]:
    """The pieces of one reply, however many windows of `window` tokens it fills.

    `keep` tokens of the beginning always stay. The finish at the end counts all of it together.
    Pictures cannot be cut, so a reply about them ends with its window.
    """
    spent = Finish("length", 0, 0, 0, 0)
    while True:
        said = list(request.prompt)
        async with aclosing(runner.complete(request)) as pieces:
            async for piece in pieces:
                said += piece.tokens
                if piece.finish is None:
                    yield piece
                    continue
                spent = _together(spent, piece.finish)
                left = request.max_tokens - piece.finish.tokens
                if _ended(piece.finish, left, request):
                    yield replace(piece, finish=spent)
                    return
                if piece.text:
                    yield replace(piece, finish=None)
        request = replace(request, prompt=_second_half(said, window, keep), max_tokens=left)


def _ended(finish: Finish, left: int, request: Completion) -> bool:
    full = finish.reason == "length" and left > 0 and finish.tokens > 0
    return not full or bool(request.images)


def _second_half(tokens: list[int], window: int, keep: int) -> tuple[int, ...]:
    keep = min(max(keep, 0), window // 2)
    stay = max((window - keep) // 2, 1)
    return (*tokens[:keep], *tokens[max(len(tokens) - stay, keep) :])


def _together(spent: Finish, more: Finish) -> Finish:
    return Finish(
        reason=more.reason,
        prompt_tokens=spent.prompt_tokens or more.prompt_tokens,
        prompt_ns=spent.prompt_ns + more.prompt_ns,
        tokens=spent.tokens + more.tokens,
        tokens_ns=spent.tokens_ns + more.tokens_ns,
    )
