"""Completions over one kept sequence: prefixes, ends, a full window, leaving, faults."""

from typing import Any

import pytest

from backend.answers.options import SamplingOptions
from backend.engine.ik_completion import Cancelled, Completer, Unfit
from backend.engine.llama_wire import completion_body, read_piece
from backend.engine.runner import Completion, Piece
from tests.backend.engine.ik_letters import END, Letters


def asked(prompt: str, limit: int = 5, top: int | None = None, **sampling: Any) -> Completion:
    options = SamplingOptions(**{"temperature": 0.0, "seed": 1, **sampling})
    return Completion(tuple(prompt.encode()), options, limit, top_logprobs=top)


def answer(completer: Completer, request: Completion) -> list[Piece]:
    events = completer.complete(completion_body(request), lambda: False)
    return [read_piece(event, request) for event in events]


def text(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def timings(completer: Completer, request: Completion) -> dict[str, Any]:
    *_, last = completer.complete(completion_body(request), lambda: False)
    told: dict[str, Any] = last["timings"]
    return told


def test_it_goes_on_and_ends_at_the_limit() -> None:
    pieces = answer(Completer(Letters()), asked("abc", 3))
    assert [piece.text for piece in pieces] == ["d", "e", "f", ""]
    finish = pieces[-1].finish
    assert finish is not None
    assert (finish.reason, finish.prompt_tokens, finish.tokens) == ("length", 3, 3)
    assert finish.prompt_ns > 0


def test_it_ends_where_the_model_does() -> None:
    pieces = answer(Completer(Letters()), asked("wx", -1))
    assert text(pieces) == "yz"
    finish = pieces[-1].finish
    assert finish is not None
    assert (finish.reason, finish.tokens) == ("stop", 3)


def test_a_stop_sequence_is_not_shown() -> None:
    pieces = answer(Completer(Letters()), asked("a", -1, stop=("ef",)))
    assert text(pieces) == "bcd"
    assert pieces[-1].finish is not None
    assert pieces[-1].finish.reason == "stop"


def test_what_was_held_for_a_stop_comes_at_the_limit() -> None:
    assert text(answer(Completer(Letters()), asked("a", 4, stop=("ex",)))) == "bcde"


def test_no_token_is_drawn_for_a_limit_of_none() -> None:
    (only,) = answer(Completer(Letters()), asked("abc", 0))
    assert only.finish is not None
    assert (only.finish.reason, only.finish.tokens) == ("length", 0)


def test_a_shared_prefix_is_not_read_again() -> None:
    model = Letters()
    completer = Completer(model)
    first = timings(completer, asked("the same beginning, a"))
    second = timings(completer, asked("the same beginning, b"))
    assert (first["cache_n"], first["prompt_n"]) == (0, 21)
    assert (second["cache_n"], second["prompt_n"]) == (20, 1)


def test_of_the_same_prompt_the_last_token_is_read_again() -> None:
    completer = Completer(Letters())
    timings(completer, asked("abc"))
    again = timings(completer, asked("abc"))
    assert (again["cache_n"], again["prompt_n"]) == (2, 1)


def test_its_own_reply_is_part_of_the_prefix() -> None:
    completer = Completer(Letters())
    timings(completer, asked("abc", 3))  # d, e, f: the last one drawn was not read
    assert timings(completer, asked("abcdefg"))["cache_n"] == 5


def test_a_prompt_is_read_in_batches() -> None:
    model = Letters(batch=8)
    timings(Completer(model), asked("x" * 20, 1))
    assert model.reads == [8, 8, 4]


def test_a_full_window_drops_the_older_half_behind_what_is_kept() -> None:
    model = Letters(context=16)
    pieces = answer(Completer(model), asked("ab" + "c" * 10, 12, num_keep=2))
    assert text(pieces) == "defghijklmno"
    assert bytes(model.held).startswith(b"ab")
    assert bytes(model.held).endswith(b"jklmn")
    assert len(model.held) <= 16


@pytest.mark.parametrize("prompt", ["", "x" * 64, "x" * 200])
def test_a_prompt_that_does_not_fit_is_refused(prompt: str) -> None:
    model = Letters(context=64)
    with pytest.raises(Unfit):
        answer(Completer(model), asked(prompt))
    assert model.reads == []


def test_a_cancelled_request_stops_between_batches_and_keeps_what_it_read() -> None:
    model = Letters(batch=8)
    completer = Completer(model)
    body = completion_body(asked("x" * 40))
    with pytest.raises(Cancelled):
        list(completer.complete(body, lambda: len(model.reads) == 2))
    assert model.reads == [8, 8]
    assert timings(completer, asked("x" * 40))["cache_n"] == 16


def test_after_a_fault_nothing_is_believed() -> None:
    model = Letters(batch=8)
    model.fails_at = 2
    completer = Completer(model)
    with pytest.raises(RuntimeError):
        answer(completer, asked("x" * 12))
    model.fails_at = None
    assert model.held == []
    assert timings(completer, asked("x" * 12))["cache_n"] == 0


def test_log_probabilities_best_first() -> None:
    pieces = answer(Completer(Letters()), asked("a", 1, top=2))
    (chosen,) = pieces[0].logprobs
    assert (chosen.token, chosen.bytes) == ("b", (98,))
    assert [other.token for other in chosen.top] == ["b", "!"]
    assert chosen.logprob == pytest.approx(chosen.top[0].logprob)
    assert chosen.logprob - chosen.top[1].logprob == pytest.approx(1)
    assert chosen.logprob < 0


def test_more_probabilities_than_tokens_are_all_of_them() -> None:
    events = Completer(Letters()).complete(
        {**completion_body(asked("a", 1)), "n_probs": 1000}, lambda: False
    )
    assert len(next(events)["completion_probabilities"][0]["top_logprobs"]) == END + 1


def test_a_character_of_several_tokens_comes_whole() -> None:
    class Umlauts(Letters):
        def _next(self) -> int:
            return {ord("x"): 0xC3, 0xC3: 0xA4}.get(self.held[-1], END)

    pieces = answer(Completer(Umlauts()), asked("x", -1))
    assert [piece.text for piece in pieces] == ["", "ä", ""]


def test_a_seed_is_set_and_no_seed_is_a_new_one() -> None:
    model = Letters()
    completer = Completer(model)
    for seed in (7, -1, -1):
        answer(completer, asked("a", seed=seed))
    assert model.seeds[0] == 7
    assert model.seeds[1] != model.seeds[2]


def test_preserved_control_tokens_are_seen() -> None:
    class Controlled(Letters):
        def ends(self, token: int) -> bool:
            return False

        def _next(self) -> int:
            return END

    for preserved, expected in ((("<end>",), "<end>"), ((), ""), (("no such",), "")):
        body = {**completion_body(asked("a", 1)), "preserved_tokens": preserved}
        events = list(Completer(Controlled()).complete(body, lambda: False))
        assert events[0]["content"] == expected
