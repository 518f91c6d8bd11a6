"""What Ollama's own client is told when something is wrong: status and sentence, route by route."""

from typing import Any

import ollama
import pytest

from tests.backend.clients.conftest import Live, user

# Bare requests: the client refuses some empty names by itself, other clients do not.
ASK: dict[str, tuple[str, dict[str, Any]]] = {
    "generate": ("POST", {"prompt": "x"}),
    "chat": ("POST", {"messages": user("x")}),
    "embed": ("POST", {"input": "x"}),
    "embeddings": ("POST", {"prompt": "x"}),
    "show": ("POST", {}),
    "delete": ("DELETE", {}),
    "copy": ("POST", {"destination": "other"}),
    "create": ("POST", {"from": "tiny"}),
}


def ask(client: ollama.Client, route: str, name: str) -> None:
    method, body = ASK[route]
    named = {"source" if route == "copy" else "model": name}
    client._request_raw(method, f"/api/{route}", json=body | named)


# route: (nothing, invalid, absent), each (status, sentence); contract §2
TOLD: dict[str, tuple[tuple[int, str] | None, tuple[int, str], tuple[int, str] | None]] = {
    "generate": (
        (404, "model '' not found"),
        (400, "invalid model name"),
        (404, "model 'absent' not found"),
    ),
    "chat": (
        (400, "model is required"),
        (400, "invalid model name"),
        (404, "model 'absent' not found"),
    ),
    "embed": (
        (404, "model '' not found"),
        (400, "invalid model name"),
        (404, 'model "absent" not found, try pulling it first'),
    ),
    "embeddings": (
        (400, "model is required"),
        (400, "invalid model name"),
        (404, 'model "absent" not found, try pulling it first'),
    ),
    "show": (
        (400, "model is required"),
        (400, "invalid model name"),
        (404, "model 'absent:latest' not found"),
    ),
    "delete": (
        (400, "model is required"),
        (400, 'name "a//b" is invalid'),
        (404, "model 'absent' not found"),
    ),
    "copy": (
        (400, 'source "" is invalid'),
        (400, 'source "a//b" is invalid'),
        (404, 'model "absent" not found'),
    ),
    "create": ((400, "invalid model name"), (400, "invalid model name"), None),
}
NAMES = ("", "a//b", "absent")


@pytest.mark.parametrize("kind", range(3), ids=("nothing", "invalid", "absent"))
@pytest.mark.parametrize("route", TOLD)
def test_a_name_is_refused_as_ollama_does(client: ollama.Client, route: str, kind: int) -> None:
    told = TOLD[route][kind]
    if told is None:
        pytest.skip("a new name is no error here")
    with pytest.raises(ollama.ResponseError) as caught:
        ask(client, route, NAMES[kind])
    assert (caught.value.status_code, caught.value.error) == told


@pytest.mark.parametrize(
    "name",
    [
        "..",
        ".hidden",
        "a:",
        ":tag",
        "a b",
        "../../etc/passwd",
        "a/../b",
        "a\\b",
        "a\0b",
        "é",
        "a@b",
    ],
)
@pytest.mark.parametrize("route", ["generate", "chat", "embed", "show"])
def test_no_odd_name_reaches_the_disk(client: ollama.Client, route: str, name: str) -> None:
    with pytest.raises(ollama.ResponseError, match="invalid model name") as caught:
        ask(client, route, name)
    assert caught.value.status_code == 400


@pytest.mark.parametrize(
    "options",
    [
        {"num_ctx": "a"},
        {"temperature": "hot"},
        {"use_mmap": 1},
        {"stop": "word"},
        {"stop": [1]},
    ],
)
def test_an_option_of_the_wrong_type(client: ollama.Client, options: dict[str, Any]) -> None:
    with pytest.raises(ollama.ResponseError, match=r'option ".*" must be of') as caught:
        client.generate("tiny", "x", options=options)
    assert caught.value.status_code in (400, 500)


def test_a_bad_format(client: ollama.Client) -> None:
    body = {"model": "tiny", "messages": user("x"), "format": "xml"}
    with pytest.raises(ollama.ResponseError, match="invalid format"):
        client._request_raw("POST", "/api/chat", json=body)  # the client itself lets none by


def test_a_bad_think_value(client: ollama.Client) -> None:
    think: Any = "much"
    with pytest.raises(ollama.ResponseError) as caught:
        client.chat("thinker", user("x"), think=think)
    assert caught.value.status_code == 400


@pytest.mark.parametrize("route", ["generate", "chat"])
def test_a_text_model_refuses_images(client: ollama.Client, route: str) -> None:
    image = ollama.Image(value=b"\x89PNG\r\n\x1a\n")
    said = {"role": "user", "content": "what is it?", "images": [image]}
    asking = {
        "generate": lambda: client.generate("tiny", "what is it?", images=[image]),
        "chat": lambda: client.chat("tiny", [said]),
    }[route]
    with pytest.raises(ollama.ResponseError) as caught:
        asking()
    assert caught.value.status_code == 400


def test_an_embedding_model_says_what_it_cannot_do(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match='"embedder" does not support chat') as chat:
        client.chat("embedder", user("x"))
    with pytest.raises(ollama.ResponseError, match='"embedder" does not support generate'):
        client.generate("embedder", "x")
    assert chat.value.status_code == 400


def test_no_insert_without_a_suffix_in_the_template(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="plain:latest does not support insert"):
        client.generate("plain", "def f(", suffix="return 1")


def test_errors_before_the_first_chunk_have_a_status(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError) as caught:
        list(client.chat("absent", user("x"), stream=True))
    assert caught.value.status_code == 404


def test_a_crash_in_mid_stream_is_an_error(client: ollama.Client, live: Live) -> None:
    live.script.crash_after = 2
    told: list[str | None] = []
    with pytest.raises(ollama.ResponseError, match="unexpectedly stopped"):  # noqa: PT012
        for part in client.chat("tiny", user("x"), stream=True):
            told.append(part.message.content)  # noqa: PERF401
    assert told == ["one", " two"]
    assert client.chat("tiny", user("x")).done


def test_a_load_that_fails(client: ollama.Client, live: Live) -> None:
    live.script.load_error = "out of luck"
    with pytest.raises(ollama.ResponseError, match="out of luck") as caught:
        client.chat("tiny", user("x"))
    assert caught.value.status_code == 500
    live.script.load_error = None
    assert client.chat("tiny", user("x")).done


def test_web_search_asks_for_a_key_before_anything_else(client: ollama.Client) -> None:
    with pytest.raises(ValueError, match="Authorization header"):
        client.web_search("anything")
    with pytest.raises(ValueError, match="Authorization header"):
        client.web_fetch("https://example.org")


def test_an_endpoint_that_is_not_ours(client: ollama.Client) -> None:
    question = {"kind": "score", "question": "?"}
    with pytest.raises(ollama.ResponseError) as caught:
        client._request_raw("POST", "/v1/systemone", json={"model": "tiny", "questions": question})
    assert (caught.value.status_code, caught.value.error) == (404, "404 page not found")


def test_no_server_at_all() -> None:
    with (
        ollama.Client("http://127.0.0.1:9") as client,
        pytest.raises(ConnectionError, match="Failed to connect"),
    ):
        client.list()


async def test_the_async_client_too(live: Live) -> None:
    client = ollama.AsyncClient(live.url)
    try:
        with pytest.raises(ollama.ResponseError, match="model 'absent' not found") as caught:
            await client.chat("absent", user("x"))
        assert caught.value.status_code == 404
        with pytest.raises(ollama.ResponseError, match="model 'absent:latest' not found"):
            await client.show("absent")
    finally:
        await client.close()
