"""The official clients against the bundled models: both APIs must tell the same truth."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import ollama
import openai
import pytest
from pydantic import BaseModel

from tests.backend.clients.conftest import user
from tests.backend.processes import backend_process
from tests.fixtures.models import CHATTER, GENERATOR

pytestmark = pytest.mark.model
SAID: Any = user("Name one colour.")
GREEDY: dict[str, Any] = {"temperature": 0, "seed": 1}


@pytest.fixture(scope="module")
def url(ollama_models: Path) -> Iterator[str]:
    with backend_process(ollama_models) as (_, url):
        yield url


@pytest.fixture
def ours(url: str) -> Iterator[ollama.Client]:
    with ollama.Client(url) as client:
        yield client


@pytest.fixture
def theirs(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client:
        yield client


def test_both_apis_say_the_same(ours: ollama.Client, theirs: openai.OpenAI) -> None:
    options = {**GREEDY, "top_p": 1.0, "num_predict": 5}
    answer = ours.chat(CHATTER, SAID, options=options)
    other = theirs.chat.completions.create(model=CHATTER, messages=SAID, max_tokens=5, **GREEDY)
    assert other.choices[0].message.content == answer.message.content
    assert answer.message.content
    assert other.usage is not None
    assert other.usage.prompt_tokens == answer.prompt_eval_count
    assert other.usage.completion_tokens == answer.eval_count == 5
    assert other.choices[0].finish_reason == answer.done_reason == "length"


def test_a_stream_is_the_whole_in_pieces(theirs: openai.OpenAI) -> None:
    create = theirs.chat.completions.create
    whole = create(model=CHATTER, messages=SAID, max_tokens=5, **GREEDY)
    stream = create(
        model=CHATTER,
        messages=SAID,
        max_tokens=5,
        stream=True,
        stream_options={"include_usage": True},
        **GREEDY,
    )
    chunks = list(stream)
    texts = [one.delta.content or "" for chunk in chunks for one in chunk.choices]
    assert "".join(texts) == whole.choices[0].message.content
    assert len([text for text in texts if text]) > 3
    assert chunks[-1].usage == whole.usage


def test_logprobs_are_those_of_the_model(theirs: openai.OpenAI, ours: ollama.Client) -> None:
    told = (
        theirs.chat.completions.create(
            model=CHATTER, messages=SAID, max_tokens=4, logprobs=True, top_logprobs=3, **GREEDY
        )
        .choices[0]
        .logprobs
    )
    assert told is not None
    assert len(told.content or ()) == 4
    for one in told.content or ():
        best = [other.logprob for other in one.top_logprobs]
        assert one.logprob <= 0
        assert len(best) == 3
        assert best == sorted(best, reverse=True)
        assert one.token == one.top_logprobs[0].token  # greedy takes the best
        assert bytes(one.bytes or ()).decode() == one.token
    same = ours.chat(
        CHATTER, SAID, logprobs=True, options={"temperature": 1.9, "seed": 4, "num_predict": 1}
    )
    assert len(same.logprobs or ()) == 1


def test_a_schema_is_followed(theirs: openai.OpenAI, ours: ollama.Client) -> None:
    class Person(BaseModel):
        name: str
        age: int

    asked: Any = user("Tom is 3 years old. Answer with his name and age as JSON.")
    answer = theirs.chat.completions.parse(
        model=CHATTER, messages=asked, response_format=Person, max_tokens=60, **GREEDY
    )
    assert isinstance(answer.choices[0].message.parsed, Person)
    told = ours.chat(
        CHATTER, asked, format=Person.model_json_schema(), options={**GREEDY, "num_predict": 60}
    )
    assert Person.model_validate_json(told.message.content or "")
    response = theirs.responses.parse(
        model=CHATTER, input=asked, text_format=Person, max_output_tokens=60, temperature=0
    )
    assert isinstance(response.output_parsed, Person)


def test_json_mode(theirs: openai.OpenAI) -> None:
    answer = theirs.chat.completions.create(
        model=CHATTER,
        messages=user("Give me a small JSON object."),  # type: ignore[arg-type]
        response_format={"type": "json_object"},
        stop="}",
        max_tokens=60,
        **GREEDY,
    )
    assert (answer.choices[0].message.content or "").lstrip().startswith("{")


def test_embeddings_agree(theirs: openai.OpenAI, ours: ollama.Client) -> None:
    texts = ["a cat", "a dog on the road", ""]
    found = theirs.embeddings.create(model=GENERATOR, input=texts)
    expected = ours.embed(GENERATOR, texts)
    for one, other in zip(found.data, expected.embeddings, strict=True):
        assert one.embedding == pytest.approx(list(other), abs=1e-6)
        assert sum(x * x for x in other) == pytest.approx(1, abs=1e-4)
    assert found.usage.prompt_tokens == expected.prompt_eval_count
    short = theirs.embeddings.create(model=GENERATOR, input="a cat", dimensions=16)
    assert len(short.data[0].embedding) == 16
    empty = theirs.embeddings.create(model=GENERATOR, input="")
    assert len(empty.data) == 1


def test_completions_go_through_the_template(theirs: openai.OpenAI, ours: ollama.Client) -> None:
    answer = theirs.completions.create(
        model=CHATTER, prompt="Name one colour.", max_tokens=6, **GREEDY
    )
    same = ours.generate(
        CHATTER, "Name one colour.", options={**GREEDY, "top_p": 1.0, "num_predict": 6}
    )
    assert answer.choices[0].text == same.response
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == same.prompt_eval_count


def test_responses(theirs: openai.OpenAI) -> None:
    answer = theirs.responses.create(
        model=CHATTER, input="Name one colour.", max_output_tokens=6, temperature=0
    )
    events = list(
        theirs.responses.create(
            model=CHATTER,
            input="Name one colour.",
            max_output_tokens=6,
            temperature=0,
            stream=True,
        )
    )
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == answer.output_text
    assert answer.usage is not None
    assert answer.usage.output_tokens == 6


def test_messages_of_anthropic(url: str) -> None:
    body = {"model": CHATTER, "max_tokens": 6, "messages": SAID, "temperature": 0}
    whole = httpx.post(f"{url}/v1/messages", json=body, timeout=60).json()
    assert whole["stop_reason"] == "max_tokens"
    text = httpx.post(f"{url}/v1/messages", json={**body, "stream": True}, timeout=60).text
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    deltas = [one["delta"]["text"] for one in events if one["type"] == "content_block_delta"]
    assert "".join(deltas) == whole["content"][0]["text"]


def test_a_stop_word_is_not_in_the_text(theirs: openai.OpenAI) -> None:
    asked: Any = user("Count: one, two, three, four, five")
    whole = theirs.chat.completions.create(model=CHATTER, messages=asked, max_tokens=30, **GREEDY)
    text = whole.choices[0].message.content or ""
    stop = text[4:7]
    cut = theirs.chat.completions.create(
        model=CHATTER, messages=asked, max_tokens=30, stop=stop, **GREEDY
    )
    assert cut.choices[0].message.content == text[: text.index(stop)]
    assert cut.choices[0].finish_reason == "stop"


def test_the_model_list(theirs: openai.OpenAI, ours: ollama.Client) -> None:
    names = {model.id for model in theirs.models.list()}
    assert names == {model.model for model in ours.list().models}
    assert {GENERATOR, CHATTER} <= names
    assert theirs.models.retrieve(CHATTER).owned_by == "library"


def test_a_made_model_keeps_its_parameters(tmp_path: Path, ollama_models: Path) -> None:
    folder = tmp_path / "models"
    for path in ollama_models.rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(ollama_models)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    with backend_process(folder) as (_, url), ollama.Client(url) as client:
        client.create("short", from_=CHATTER, parameters={"num_predict": 3, "temperature": 0})
        assert client.chat("short", SAID).eval_count == 3
        client.delete("short")
        assert client.chat(CHATTER, SAID, options={"num_predict": 1}).eval_count == 1
