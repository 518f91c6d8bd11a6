"""What is sent to llama.cpp and what is read back, by records alone; test_model runs the engine."""

from typing import Any

import pytest

from backend.answers.options import SamplingOptions
from backend.engine.llama_runner import _vector
from backend.engine.llama_wire import completion_body, error_text, read_piece
from backend.engine.runner import MEDIA, Completion, Finish, Logprob

SENT_AS = {"num_keep": "n_keep", "num_predict": "n_predict"}
OTHERS: dict[str, Any] = {
    "num_keep": 9, "seed": 7, "top_k": 3, "top_p": 0.25, "min_p": 0.125, "typical_p": 0.5,
    "repeat_last_n": 5, "temperature": 0.75, "repeat_penalty": 1.5, "presence_penalty": 0.25,
    "frequency_penalty": 0.375, "stop": ("a", "b"),
}  # fmt: skip


def asked(**more: Any) -> Completion:
    return Completion(**{"prompt": (1, 2), "sampling": SamplingOptions(), "max_tokens": 5, **more})


def test_every_option_is_sent_so_that_no_default_of_llama_cpps_applies() -> None:
    body = completion_body(asked(sampling=SamplingOptions(**OTHERS)))
    for name, value in OTHERS.items():
        sent = body[SENT_AS.get(name, name)]
        assert (tuple(sent) if name == "stop" else sent) == value
    assert (body["prompt"], body["n_predict"]) == ([1, 2], 5)
    assert body["stream"] is body["cache_prompt"] is body["return_tokens"] is True
    assert completion_body(asked())["min_p"] == 0.0


@pytest.mark.parametrize(("wanted", "sent"), [(None, None), (0, 1), (1, 1), (20, 20)])
def test_logprobs_are_asked_for_only_when_wanted(wanted: int | None, sent: int | None) -> None:
    assert completion_body(asked(top_logprobs=wanted)).get("n_probs") == sent


def test_an_empty_stop_text_stops_nothing() -> None:
    assert completion_body(asked(sampling=SamplingOptions(stop=("", "a"))))["stop"] == ["a"]


def test_pictures_make_the_prompt_a_text_with_their_places() -> None:
    body = completion_body(asked(prompt=(), text=f"see {MEDIA}", images=(b"png",)))
    assert body["prompt"] == {"prompt_string": f"see {MEDIA}", "multimodal_data": ["cG5n"]}


def test_the_control_tokens_that_a_reply_is_read_by_are_kept_in_it() -> None:
    assert completion_body(asked())["preserved_tokens"] == []
    assert completion_body(asked(preserved=("<think>",)))["preserved_tokens"] == ["<think>"]


def test_a_schema_is_sent_even_when_it_is_empty() -> None:
    assert "json_schema" not in completion_body(asked())
    lenient = {"x-guidance": {"lenient": True}}
    assert completion_body(asked(json_schema={}))["json_schema"] == lenient
    own = {"type": "object", "x-guidance": {"lenient": False}}
    assert completion_body(asked(json_schema=own))["json_schema"] == {"type": "object", **lenient}


@pytest.mark.parametrize(
    ("stop_type", "reason"),
    [("eos", "stop"), ("word", "stop"), ("limit", "length"), ("none", "stop")],
)
def test_the_end_counts_what_the_cache_held(stop_type: str, reason: str) -> None:
    event = {
        "content": "", "stop": True, "stop_type": stop_type, "tokens": [],
        "timings": {"cache_n": 10, "prompt_n": 3, "prompt_ms": 1.5, "predicted_n": 4,
                    "predicted_ms": 0.25},
    }  # fmt: skip
    piece = read_piece(event, asked())
    assert piece.finish == Finish(reason, 13, 1_500_000, 4, 250_000)


def test_an_end_without_times_is_an_end() -> None:
    assert read_piece({"stop": True}, asked()).finish == Finish("stop", 0, 0, 0, 0)


def test_a_piece_carries_text_tokens_and_the_best_others() -> None:
    others = [{"token": f" t{i}", "logprob": -i / 2, "bytes": [i]} for i in range(3)]
    event = {
        "content": " t0", "tokens": [5], "stop": False,
        "completion_probabilities": [{**others[0], "id": 5, "top_logprobs": others}],
    }  # fmt: skip
    (one,) = read_piece(event, asked(top_logprobs=2)).logprobs
    assert one.top == (Logprob(" t0", 0.0, (0,)), Logprob(" t1", -0.5, (1,)))
    assert read_piece(event, asked(top_logprobs=0)).logprobs[0].top == ()
    piece = read_piece(event, asked())
    assert (piece.text, piece.tokens, piece.logprobs, piece.finish) == (" t0", (5,), (), None)


@pytest.mark.parametrize(
    ("event", "sentence"),
    [({"error": {"code": 400, "message": "too big"}}, "too big"), ({"error": "plain"}, "plain"),
     ({"error": {"code": 1}}, "{'code': 1}"), ({"error": None}, None), ({"content": "x"}, None)],
)  # fmt: skip
def test_errors_of_the_engine_are_sentences(event: dict[str, Any], sentence: str | None) -> None:
    assert error_text(event) == sentence


def test_a_vector_may_come_wrapped() -> None:
    assert _vector([[1.0, 2.0]]) == _vector([1.0, 2.0]) == [1.0, 2.0]
    assert _vector([]) == []
