"""A reply that goes on when the window is full, over an engine that stops there."""

from collections.abc import AsyncGenerator
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.answers.options import SamplingOptions
from backend.answers.repeats import LIMIT, RepeatGuard
from backend.answers.windows import across_windows
from backend.engine.runner import Completion, Finish, Piece, Runner
from backend.errors import RepetitionStopped


class Stopping:
    """An engine with a window of so many tokens that counts on from the last token it is given."""

    def __init__(self, window: int, ends_at: int | None = None) -> None:
        self.window, self.ends_at = window, ends_at
        self.requests: list[Completion] = []

    async def complete(self, request: Completion) -> AsyncGenerator[Piece, None]:
        self.requests.append(request)
        assert len(request.prompt) < self.window
        token, count = request.prompt[-1], 0
        while count < request.max_tokens and len(request.prompt) + count < self.window:
            if token == self.ends_at:
                yield Piece(finish=Finish("stop", len(request.prompt), 5, count, 7))
                return
            token, count = token + 1, count + 1
            yield Piece(f"{token} ", (token,))
        yield Piece(finish=Finish("length", len(request.prompt), 5, count, 7))


async def said(
    engine: Stopping, prompt: range, allowed: int, keep: int = 2, images: tuple[bytes, ...] = ()
) -> tuple[list[int], Finish]:
    request = Completion(tuple(prompt), SamplingOptions(), allowed, images=images)
    numbers: list[int] = []
    async for piece in across_windows(cast("Runner", engine), request, engine.window, keep):
        numbers += piece.tokens
        if piece.finish is not None:
            return numbers, piece.finish
    raise AssertionError("a reply has an end")


@pytest.mark.parametrize("allowed", [1, 5, 6, 7, 40, 123])
async def test_the_reply_goes_on_as_if_there_were_no_window(allowed: int) -> None:
    engine = Stopping(16)
    numbers, finish = await said(engine, range(10), allowed)
    assert numbers == list(range(10, 10 + allowed))
    times = len(engine.requests)
    assert finish == Finish("length", 10, 5 * times, allowed, 7 * times)
    for request in engine.requests[1:]:
        assert request.prompt[:2] == (0, 1)  # what num_keep keeps
        assert len(request.prompt) <= 2 + 7


async def test_the_end_of_the_reply_is_its_end() -> None:
    numbers, finish = await said(Stopping(16, ends_at=30), range(10), 1000)
    assert (numbers[-1], finish.reason, finish.tokens) == (30, "stop", 21)


async def test_a_reply_about_pictures_ends_with_its_window() -> None:
    engine = Stopping(16)
    _, finish = await said(engine, range(10), 1000, images=(b"png",))
    assert (finish.reason, finish.tokens, len(engine.requests)) == ("length", 6, 1)


@settings(deadline=None)
@given(window=st.integers(4, 40), keep=st.integers(-1, 50), allowed=st.integers(1, 90))
async def test_no_window_and_no_keep_makes_it_stand_still(
    window: int, keep: int, allowed: int
) -> None:
    numbers, finish = await said(Stopping(window), range(3), allowed, keep)
    assert numbers == list(range(3, 3 + allowed))
    assert finish.tokens == allowed


@pytest.mark.parametrize("piece", ["ha", " ha", "\n", ""])
def test_more_than_thirty_equal_pieces_are_enough(piece: str) -> None:
    guard = RepeatGuard()
    guard.see("x")
    for number in range(LIMIT + 1):
        guard.see(piece + " " * (number % 2))
    with pytest.raises(RepetitionStopped, match="token repeat limit reached"):
        guard.see(piece)


def test_another_piece_between_starts_the_count_again() -> None:
    guard = RepeatGuard()
    for number in range(20 * LIMIT):
        guard.see("ha" if number % LIMIT else "ho")
