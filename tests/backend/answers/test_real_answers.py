"""Pictures, adapters, a full window and control tokens through the real engine."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import ollama
import pytest
from PIL import Image

from backend.models import manifests
from backend.models.library import Library
from backend.models.manifests import Layer
from backend.models.store import ModelStore
from tests.backend.processes import backend_process
from tests.backend.random_weights import write_adapter, write_projector
from tests.fixtures.models import CHATTER

pytestmark = pytest.mark.model
EMBEDDING = 576  # the width of the bundled chat model
GREEDY: dict[str, Any] = {"temperature": 0, "num_predict": 8}


def picture(colour: str, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 24), colour).save(out, kind)
    return out.getvalue()


def add_with(store: ModelStore, name: str, weights: Path, role: str, path: Path) -> None:
    """A model of these weights with one more file beside them."""
    made = store.add(name, weights)
    layers = [*made.layers, Layer.of(role, store.blobs.add_file(path), path.stat().st_size)]
    config = store.add_config(made.config, layers)
    store.manifests.write(made.name, manifests.build(config, layers))


@pytest.fixture(scope="module")
def url(ollama_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the chat model under three names: as it is, with eyes, with an adapter."""
    folder = tmp_path_factory.mktemp("answers")
    weights = Library(ModelStore(ollama_models)).open(CHATTER).content.weights
    store = ModelStore(folder / "models")
    store.add("bare", weights)
    eyes = write_projector(folder / "eyes.gguf", EMBEDDING)
    add_with(store, "seeing", weights, "projector", eyes)
    adapter = write_adapter(folder / "adapter.gguf", EMBEDDING)
    add_with(store, "adapted", weights, "adapter", adapter)
    with backend_process(store.folder) as (_, url):
        yield url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[ollama.Client]:
    with ollama.Client(url) as client:
        yield client


def first_logprob(answer: ollama.ChatResponse | ollama.GenerateResponse) -> float:
    assert answer.logprobs
    return answer.logprobs[0].logprob or 0.0


def test_a_picture_is_seen(client: ollama.Client) -> None:
    def describe(*pictures: bytes) -> ollama.ChatResponse:
        message = {"role": "user", "content": "What is this?", "images": list(pictures)}
        return client.chat("seeing", [message], options=GREEDY, logprobs=True)

    red, green, white = (describe(picture(c)) for c in ("red", "green", "white"))
    none = describe()
    assert len({first_logprob(one) for one in (red, green, white, none)}) == 4
    webp = describe(picture("white", "WEBP"))
    assert first_logprob(webp) == pytest.approx(first_logprob(white), abs=1e-3)
    assert red.prompt_eval_count is not None
    assert none.prompt_eval_count is not None
    assert red.prompt_eval_count > none.prompt_eval_count


def test_the_place_of_a_picture_counts(client: ollama.Client) -> None:
    def say(prompt: str, *colours: str) -> ollama.GenerateResponse:
        images = [picture(colour) for colour in colours]
        return client.generate(
            "seeing", prompt, images=images, raw=True, options=GREEDY, logprobs=True
        )

    one = say("[img] and then [img]:", "red", "blue")
    other = say("[img] and then [img]:", "blue", "red")
    assert first_logprob(one) != first_logprob(other)
    assert one.prompt_eval_count == other.prompt_eval_count
    assert say("<__media__> not a place: [img-7]", "red").response


def test_a_picture_shows_in_capabilities_and_only_there(client: ollama.Client) -> None:
    assert "vision" in (client.show("seeing").capabilities or [])
    assert "vision" not in (client.show("bare").capabilities or [])
    image = base64.b64encode(picture("red")).decode()
    with pytest.raises(ollama.ResponseError, match="does not support image input") as refused:
        client.generate("bare", "x", images=[image])
    assert refused.value.status_code == 400


def test_an_adapter_changes_what_is_said(client: ollama.Client) -> None:
    prompt = "Once upon a time, there was a"
    said = {
        name: client.generate(name, prompt, raw=True, options=GREEDY).response
        for name in ("bare", "adapted")
    }
    again = client.generate("bare", prompt, raw=True, options=GREEDY).response
    assert said["adapted"] != said["bare"] == again


def test_a_full_window_goes_on_or_ends(url: str, client: ollama.Client) -> None:
    options = {"temperature": 0, "num_ctx": 256, "num_predict": 70}
    prompt = ", ".join(map(str, range(1, 56))) + ","
    on = client.generate("bare", prompt, raw=True, options=options)
    assert (on.done_reason, on.eval_count) == ("length", 70)
    body = {"model": "bare", "prompt": prompt, "raw": True, "options": options, "stream": False}
    answer = httpx.post(f"{url}/api/generate", json={**body, "shift": False}, timeout=60).json()
    assert answer["done_reason"] == "length"
    assert answer["prompt_eval_count"] + answer["eval_count"] == 256
    assert answer["eval_count"] < 70


def test_characters_of_several_tokens_come_whole(client: ollama.Client) -> None:
    prompt = "Repeat: 🦙é漢🦙é漢\nRepeat: 🦙é漢🦙é漢\nRepeat: 🦙é漢"
    parts = client.generate("bare", prompt, raw=True, stream=True, options=GREEDY)
    text = "".join(part.response for part in parts)
    assert "🦙" in text
    assert "\N{REPLACEMENT CHARACTER}" not in text


def test_a_stop_text_over_several_chunks_never_shows(client: ollama.Client) -> None:
    options = {"temperature": 0, "num_predict": 30, "stop": [" 8 9"]}
    parts = list(client.generate("bare", "1 2 3 4 5", raw=True, stream=True, options=options))
    text = "".join(part.response for part in parts)
    assert text.rstrip().endswith("7")
    assert parts[-1].done_reason == "stop"


def test_an_empty_text_among_others_is_embedded(client: ollama.Client) -> None:
    answer = client.embed("bare", ["", "a text"])
    assert len(answer.embeddings) == 2
    assert len(answer.embeddings[0]) == EMBEDDING


def test_counting_tokens_reloads_nothing(url: str, client: ollama.Client) -> None:
    client.generate("bare", options={"num_ctx": 512})
    body = {"model": "bare", "content": "a few words"}
    with httpx.Client(base_url=url, timeout=60) as http:
        counted = http.post("/api/tokenize", json=body).json()
        shown = http.get("/api/ps").json()["models"]
    assert counted["count"] > 0
    assert 512 in {one["context_length"] for one in shown if one["name"] == "bare:latest"}


def test_the_context_of_an_answer_goes_before_the_next(client: ollama.Client) -> None:
    first = client.generate("bare", "My name is Ada.", options=GREEDY)
    assert first.context
    second = client.generate("bare", "Hello!", context=first.context, options=GREEDY)
    assert second.prompt_eval_count is not None
    assert second.prompt_eval_count > len(first.context)


@pytest.mark.parametrize("token", [-1, 10**9])
def test_a_context_of_other_numbers_is_refused_in_words(client: ollama.Client, token: int) -> None:
    with pytest.raises(ollama.ResponseError, match="no tokens of this model") as refused:
        client.generate("bare", "Hello!", context=[token], options=GREEDY)
    assert refused.value.status_code == 400


def test_a_schema_that_leaves_much_open_ends_by_itself(client: ollama.Client) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
    }
    messages = [{"role": "user", "content": "Name a colour."}]
    options = {"temperature": 0, "num_predict": 200}
    answer = client.chat("bare", messages, format=schema, options=options)
    assert answer.done_reason == "stop"
    assert list(json.loads(answer.message.content or "")) == ["name", "age"]
