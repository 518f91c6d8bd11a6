from typing import Any

import pytest
from openai.types import Completion

from backend.answers.requests import GenerateRequest, parse
from backend.errors import BadRequest
from backend.openai.completions import (
    CompletionRequest,
    CompletionStream,
    completion,
    generate_request,
)
from backend.openai.naming import Naming
from tests.backend.openai.answers import token

NAMING = Naming("cmpl-1", 5)
LAST = {"done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 3}


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "m", "response": text, "done": False, **more}


def translated(**body: Any) -> GenerateRequest:
    return generate_request(parse(CompletionRequest, {"model": "m", **body}))


def test_the_request() -> None:
    asked = translated(prompt="a", suffix="b", max_tokens=2, stop="x", echo=True, n=2)
    assert (asked.prompt, asked.suffix, asked.raw, asked.stream) == ("a", "b", False, False)
    assert asked.options == {"temperature": 1.0, "top_p": 1.0, "num_predict": 2, "stop": ["x"]}


@pytest.mark.parametrize("prompt", [["a"], [1, 2], 3, {}])
def test_a_prompt_is_one_text(prompt: Any) -> None:
    with pytest.raises(BadRequest, match="prompt"):
        translated(prompt=prompt)


@pytest.mark.parametrize(("asked", "wanted"), [(None, None), (0, 0), (2, 2)])
def test_logprobs_is_a_number(asked: int | None, wanted: int | None) -> None:
    body = {} if asked is None else {"logprobs": asked}
    assert translated(**body).wanted_logprobs == wanted


def test_a_whole_answer() -> None:
    shown = completion(said("ab", **LAST), NAMING)
    assert shown["choices"] == [{"text": "ab", "index": 0, "finish_reason": "stop"}]
    assert (shown["object"], shown["usage"]["total_tokens"]) == ("text_completion", 10)
    Completion.model_validate({**shown, "choices": [{**shown["choices"][0], "logprobs": None}]})


def test_logprobs_have_both_shapes() -> None:
    tokens = [token("a", "b"), token("cd")]
    found = completion(said("acd", logprobs=tokens, **LAST), NAMING)["choices"][0]["logprobs"]
    assert found["tokens"] == ["a", "cd"]
    assert found["token_logprobs"] == [-0.5, -0.5]
    assert found["top_logprobs"] == [{"b": -1.5}, {}]
    assert found["text_offset"] == [0, 1]
    assert found["content"] == tokens


def test_a_stream_counts_on_and_ends_with_usage() -> None:
    stream = CompletionStream(NAMING, include_usage=True)
    answers = [said("ab", logprobs=[token("ab")]), said("c", logprobs=[token("c")])]
    chunks = [one for a in (*answers, said("", **LAST)) for one in stream.chunks(a)]
    assert [one["choices"][0]["text"] for one in chunks[:3]] == ["ab", "c", ""]
    assert [one["choices"][0]["finish_reason"] for one in chunks[:3]] == [None, None, "stop"]
    assert chunks[1]["choices"][0]["logprobs"]["text_offset"] == [2]
    assert (chunks[3]["choices"], chunks[3]["usage"]["prompt_tokens"]) == ([], 7)
