"""Real models in a real process, asked by Ollama's own client."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import ollama
import psutil
import pytest

from tests.backend.processes import backend_process, runners_of
from tests.fixtures.models import CHATTER, GENERATOR

pytestmark = pytest.mark.model
Running = tuple[subprocess.Popen[str], str]
GREEDY = {"temperature": 0, "num_predict": 6}


@pytest.fixture(scope="module")
def running(ollama_models: Path) -> Iterator[Running]:
    with backend_process(ollama_models) as started:
        yield started


@pytest.fixture
def url(running: Running) -> str:
    return running[1]


@pytest.fixture
def client(url: str) -> Iterator[ollama.Client]:
    with ollama.Client(url) as client:
        yield client


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_generate_raw(client: ollama.Client) -> None:
    answer = client.generate(GENERATOR, "One, two, three, four,", raw=True, options=GREEDY)
    assert "five" in answer.response
    assert (answer.done_reason, answer.eval_count) == ("length", 6)
    assert answer.context is None


def test_the_prompt_count_includes_what_the_cache_held(client: ollama.Client, url: str) -> None:
    prompt = "A fixed beginning that is long enough to be shared by both. " * 3
    counts = [
        client.generate(GENERATOR, prompt + end, raw=True, options=GREEDY).prompt_eval_count
        for end in ("Cats", "Dogs", "Dogs")
    ]
    tokens = httpx.post(
        f"{url}/api/tokenize",
        json={"model": GENERATOR, "content": prompt + "Cats", "add_special": True},
        timeout=60,
    ).json()
    assert counts == [tokens["count"]] * 3


def test_chat_streams_and_sums_up(client: ollama.Client) -> None:
    messages = [{"role": "user", "content": "Say hello."}]
    parts = list(client.chat(CHATTER, messages, stream=True, options=GREEDY))
    assert len(parts) > 1
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    whole = client.chat(CHATTER, messages, options=GREEDY)
    assert "".join(part.message.content or "" for part in parts) == whole.message.content


async def test_the_async_client_too(url: str) -> None:
    client = ollama.AsyncClient(url)
    messages = [{"role": "user", "content": "Say hello."}]
    text = ""
    async for part in await client.chat(CHATTER, messages, stream=True, options=GREEDY):
        text += part.message.content or ""
    names = {model.model for model in (await client.list()).models}
    await client.close()
    assert text
    assert names >= {GENERATOR, CHATTER}


def test_a_schema_is_kept_to(client: ollama.Client) -> None:
    import json

    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"yes": {"type": "boolean"}},
        "required": ["yes"],
        "additionalProperties": False,
    }
    messages = [{"role": "user", "content": "Is water wet? Answer in JSON."}]
    options = {"temperature": 0, "num_predict": 40}
    answer = client.chat(CHATTER, messages, format=schema, options=options)
    assert isinstance(json.loads(answer.message.content or "")["yes"], bool)


def test_embeddings_tell_meanings_apart(client: ollama.Client) -> None:
    texts = ["The cat sleeps.", "The cat sleeps.", "Stock markets fell sharply in March."]
    one, same, other = client.embed(CHATTER, texts).embeddings
    assert sum(a * b for a, b in zip(one, same, strict=True)) == pytest.approx(1, abs=1e-3)
    assert sum(a * b for a, b in zip(one, other, strict=True)) < 0.999


def test_a_text_longer_than_a_batch_is_cut_to_it_or_refused(client: ollama.Client) -> None:
    text = "many words follow " * 1000  # 3,001 tokens: within the context, beyond the batch
    with pytest.raises(ollama.ResponseError, match="exceeds the context length"):
        client.embed(CHATTER, text, truncate=False)
    assert client.embed(CHATTER, text, options={"num_batch": 64}).prompt_eval_count == 64


def test_show_and_ps(client: ollama.Client) -> None:
    client.generate(CHATTER)
    shown = client.show(CHATTER)
    assert shown.modelinfo is not None
    assert shown.modelinfo["llama.context_length"] == 8192
    assert CHATTER in {model.model for model in client.ps().models}


def test_twenty_at_once(client: ollama.Client) -> None:
    def ask(n: int) -> str:
        return client.generate(CHATTER, f"Count from {n}:", raw=True, options=GREEDY).response

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))
    assert all(answers)


def test_requests_on_each_others_heels(client: ollama.Client) -> None:
    options = {"temperature": 0, "num_predict": 1}
    for number in range(40):
        asked = f"{number}, {number + 1},"
        streamed = client.generate(GENERATOR, asked, raw=True, stream=True, options=options)
        assert [chunk.done for chunk in streamed][-1]


def test_a_client_that_leaves_stops_the_engine_within_a_second(
    running: Running, client: ollama.Client
) -> None:
    process, url = running
    body = {"model": CHATTER, "prompt": "Once upon a time", "raw": True,
            "options": {"num_predict": 2000}}  # fmt: skip
    with httpx.stream("POST", f"{url}/api/generate", json=body, timeout=60) as response:
        lines = response.iter_lines()
        for _ in range(3):
            next(lines)
    # The freed slot is what shows that the engine stopped: a short request gets its turn.
    left = time.monotonic()
    client.generate(CHATTER, "x", raw=True, options={"num_predict": 1})
    assert time.monotonic() - left < 5  # 2,000 tokens take 20 s and more on this engine
    assert runners_of(process)


def test_a_killed_child_is_an_error_and_then_a_fresh_child(
    running: Running, client: ollama.Client
) -> None:
    process, _ = running
    for model in client.ps().models:
        client.generate(model.model, keep_alive=0)
    until(lambda: not runners_of(process))
    stream = client.generate(
        CHATTER, "Once upon a time", raw=True, stream=True, options={"num_predict": 2000}
    )
    next(iter(stream))
    (child,) = runners_of(process)
    child.kill()
    with pytest.raises(ollama.ResponseError, match="unexpectedly stopped"):
        for _ in stream:
            pass
    again = client.generate(CHATTER, "Once upon a time", raw=True, options=GREEDY)
    assert again.response
    assert [runner.pid for runner in runners_of(process)] != [child.pid]


def test_a_file_that_only_looks_like_a_model_is_an_error(tmp_path: Path) -> None:
    from backend.models.store import ModelStore
    from tests.backend.gguf_files import write_gguf

    ModelStore(tmp_path).add("broken", write_gguf(tmp_path / "broken.gguf"))
    with backend_process(tmp_path) as (_, url), ollama.Client(url) as client:
        with pytest.raises(ollama.ResponseError, match="could not be loaded") as raised:
            client.generate("broken", "x")
        assert raised.value.status_code == 500
        assert httpx.get(url).status_code == 200


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_no_child_outlives_the_server(ollama_models: Path, sent: signal.Signals) -> None:
    with backend_process(ollama_models) as (process, url), ollama.Client(url) as client:
        client.generate(CHATTER)
        children = runners_of(process)
        assert children
        process.send_signal(sent)
        process.wait(10)
        _, alive = psutil.wait_procs(children, timeout=5)
        assert not alive


def test_a_client_that_leaves_during_a_long_prompt_frees_the_engine(
    running: Running, client: ollama.Client
) -> None:
    _, url = running
    body = {"model": CHATTER, "prompt": "many words follow " * 1000, "raw": True}
    client.generate(CHATTER)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{url}/api/generate", json=body, timeout=0.5)
    left = time.monotonic()
    client.generate(CHATTER, "x", raw=True, options={"num_predict": 1})
    assert time.monotonic() - left < 5  # the whole prompt takes 20 s and more
