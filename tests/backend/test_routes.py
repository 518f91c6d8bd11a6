"""The contract over HTTP, in this process, with fake runners: shapes, statuses, error texts."""

import json
from typing import Any

import httpx
import pytest

from backend.engine.fake_runner import Script
from backend.settings import BackendSettings
from tests.backend.conftest import client_for


async def lines(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.text.splitlines()]


async def test_the_root_and_the_version(client: httpx.AsyncClient) -> None:
    for method in ("GET", "HEAD"):
        response = await client.request(method, "/")
        assert (response.status_code, response.headers["content-type"]) == (
            200, "text/plain; charset=utf-8",
        )  # fmt: skip
    assert (await client.get("/")).text == "Ollama is running"
    assert (await client.get("/api/version")).json()["version"].count(".") == 2


async def test_unknown_routes_and_methods_are_plain_text(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/nothing")
    assert (response.status_code, response.text) == (404, "404 page not found")
    response = await client.get("/api/show")
    assert (response.status_code, response.text) == (405, "405 method not allowed")
    assert response.headers["allow"] == "POST"


async def test_tags_list_every_model(client: httpx.AsyncClient) -> None:
    models = (await client.get("/api/tags")).json()["models"]
    assert {model["name"] for model in models} == {
        "tiny:latest", "plain:latest", "embedder:latest",
    }  # fmt: skip
    tiny = next(model for model in models if model["model"] == "tiny:latest")
    assert len(tiny["digest"]) == 64
    assert tiny["details"]["quantization_level"] == "Q4_0"
    assert tiny["details"]["family"] == "llama"


async def test_show_tells_all_but_the_long_arrays(client: httpx.AsyncClient) -> None:
    shown = (await client.post("/api/show", json={"model": "TINY"})).json()
    assert shown["capabilities"] == ["completion"]
    assert shown["model_info"]["general.parameter_count"] == 64
    assert shown["model_info"]["tokenizer.ggml.tokens"] is None
    assert "tokenizer.chat_template" not in shown["model_info"]
    assert "# FROM tiny:latest" in shown["modelfile"]
    verbose = (await client.post("/api/show", json={"name": "tiny", "verbose": True})).json()
    assert len(verbose["model_info"]["tokenizer.ggml.tokens"]) == 8
    plain = (await client.post("/api/show", json={"model": "plain"})).json()
    assert plain["template"] == "{{ .Prompt }}"
    embedder = (await client.post("/api/show", json={"model": "embedder"})).json()
    assert embedder["capabilities"] == ["embedding"]


async def test_generate_streams_then_sums_up(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/generate", json={"model": "plain", "prompt": "a b "})
    assert response.headers["content-type"] == "application/x-ndjson"
    *chunks, last = await lines(response)
    assert "".join(chunk["response"] for chunk in chunks) == "one two three"
    assert all(list(chunk) == ["model", "created_at", "response", "done"] for chunk in chunks)
    assert list(last) == [
        "model", "created_at", "response", "done", "done_reason", "context", "total_duration",
        "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration",
    ]  # fmt: skip
    assert (last["done"], last["done_reason"], last["response"]) == (True, "stop", "")
    assert (last["prompt_eval_count"], last["eval_count"], len(last["context"])) == (3, 3, 5)
    assert last["total_duration"] >= last["load_duration"] > 0
    assert last["created_at"].endswith("Z")


async def test_generate_whole(client: httpx.AsyncClient) -> None:
    body = {"model": "plain", "prompt": "x", "stream": False, "raw": True, "logprobs": True,
            "top_logprobs": 1, "options": {"num_predict": 2}}  # fmt: skip
    response = await client.post("/api/generate", json=body)
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    answer = response.json()
    assert (answer["response"], answer["done_reason"]) == ("one two", "length")
    assert "context" not in answer
    assert [one["token"] for one in answer["logprobs"]] == ["one", " two"]
    assert len(answer["logprobs"][0]["top_logprobs"]) == 1


async def test_the_context_of_an_answer_continues_it(
    client: httpx.AsyncClient, script: Script
) -> None:
    body: dict[str, Any] = {"model": "plain", "prompt": " a", "stream": False}
    first = (await client.post("/api/generate", json=body)).json()
    await client.post("/api/generate", json=body | {"context": first["context"]})
    assert script.requests[1].prompt[:-1] == tuple(first["context"])


async def test_chat_streams_messages(client: httpx.AsyncClient) -> None:
    messages = [{"role": "User", "content": "hi"}]
    body = {"model": "tiny", "messages": messages, "tools": [], "options": {"temperature": None}}
    *chunks, last = await lines(await client.post("/api/chat", json=body))
    assert "".join(chunk["message"]["content"] for chunk in chunks) == "one two three"
    assert last["message"] == {"role": "assistant", "content": ""}
    assert last["done_reason"] == "stop"
    whole = (await client.post("/api/chat", json=body | {"stream": False})).json()
    assert whole["message"] == {"role": "assistant", "content": "one two three"}


async def test_sampling_reaches_the_runner_with_ollamas_defaults(
    client: httpx.AsyncClient, script: Script
) -> None:
    body = {"model": "tiny", "messages": [{"role": "user", "content": "x"}], "stream": False,
            "format": {"type": "object"}, "options": {"top_k": 3, "stop": [" three"]}}  # fmt: skip
    answer = (await client.post("/api/chat", json=body)).json()
    assert answer["message"]["content"] == "one two"
    (request,) = script.requests
    assert (request.sampling.top_k, request.sampling.min_p) == (3, 0.0)
    assert request.json_schema == {"type": "object"}
    assert request.max_tokens == 10 * 64


async def test_old_messages_make_room_but_system_and_last_stay(
    settings: BackendSettings,
) -> None:
    script = Script()  # answers with the prompt itself
    messages = [{"role": "system", "content": "rules"}]
    messages += [{"role": "user", "content": f"m{i} " * 10} for i in range(9)]
    body: dict[str, Any] = {"model": "tiny", "messages": messages, "stream": False}
    async with client_for(settings, script) as client:
        answer = (await client.post("/api/chat", json=body)).json()
        refused = await client.post("/api/chat", json=body | {"truncate": False})
    assert "system: rules" in answer["message"]["content"]
    assert "m8" in answer["message"]["content"]
    assert "m0" not in answer["message"]["content"]
    assert refused.status_code == 400
    assert "context" in refused.json()["error"]


async def test_a_long_prompt_loses_its_middle(client: httpx.AsyncClient, script: Script) -> None:
    prompt = " ".join(f"w{i}" for i in range(100))
    body = {"model": "plain", "prompt": prompt, "raw": True, "stream": False}
    answer = (await client.post("/api/generate", json=body)).json()
    assert answer["prompt_eval_count"] == 34  # 4 kept, and half of the other 60 free
    assert script.requests[0].prompt[:5] == (0, 1, 2, 3, 70)
    for field in ("truncate", "shift"):
        refused = await client.post("/api/generate", json=body | {field: False})
        assert refused.status_code == 400
        assert "the prompt is longer than the context" in refused.json()["error"]


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", ""])
async def test_the_content_type_of_a_body_does_not_matter(
    client: httpx.AsyncClient, content_type: str
) -> None:
    raw = b' {"MODEL":"plain","Prompt":"x","stream":false,"format":null,"new":1} trailing'
    headers = {"content-type": content_type}
    response = await client.post("/api/generate", content=raw, headers=headers)
    assert response.json()["response"] == "one two three"


ABSENT = "absent"
BAD = "a//b"


@pytest.mark.parametrize(
    ("route", "body", "status", "error"),
    [
        ("generate", {}, 404, "model '' not found"),
        ("generate", {"model": BAD}, 400, "invalid model name"),
        ("generate", {"model": ABSENT}, 404, "model 'absent' not found"),
        ("chat", {}, 400, "model is required"),
        ("chat", {"model": BAD}, 400, "invalid model name"),
        ("chat", {"model": ABSENT}, 404, "model 'absent' not found"),
        ("embed", {}, 404, "model '' not found"),
        ("embed", {"model": BAD}, 400, "invalid model name"),
        ("embed", {"model": ABSENT}, 404, 'model "absent" not found, try pulling it first'),
        ("embeddings", {}, 400, "model is required"),
        ("embeddings", {"model": ABSENT}, 404, 'model "absent" not found, try pulling it first'),
        ("show", {}, 400, "model is required"),
        ("show", {"model": BAD}, 400, "invalid model name"),
        ("show", {"model": ABSENT}, 404, "model 'absent:latest' not found"),
        ("tokenize", {}, 400, "model is required"),
        ("generate", {"model": "tiny", "top_logprobs": 21}, 400,
         "top_logprobs must be between 0 and 20"),
        ("generate", {"model": "tiny", "prompt": "x", "raw": True, "system": "s"}, 400,
         "raw mode does not support template, system, or context"),
        ("generate", {"model": "tiny", "prompt": "x", "suffix": "y"}, 400,
         "registry.ollama.ai/library/tiny:latest does not support insert"),
        ("chat", {"model": "tiny", "messages": [{"role": "user"}], "tools": [{}]}, 400,
         "registry.ollama.ai/library/tiny:latest does not support tools"),
        ("chat", {"model": "tiny", "think": True}, 400, '"tiny" does not support thinking'),
        ("chat", {"model": "embedder"}, 400, '"embedder" does not support chat'),
        ("generate", {"model": "embedder", "prompt": "x"}, 400,
         '"embedder" does not support generate'),
        ("generate", {"model": "tiny", "options": {"num_ctx": "x"}}, 500,
         'option "num_ctx" must be of type integer'),
        ("embed", {"model": "tiny", "input": [1]}, 400, "invalid input type"),
    ],
)  # fmt: skip
async def test_errors_are_ollamas(
    client: httpx.AsyncClient, route: str, body: dict[str, Any], status: int, error: str
) -> None:
    response = await client.post(f"/api/{route}", json=body)
    assert (response.status_code, response.json()) == (status, {"error": error})
    assert response.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    "raw",
    [b"", b"  ", b"{", b"[]", b'{"model":1}', b'{"model":"tiny","stream":"yes"}',
     b'{"model":"tiny","keep_alive":"300"}', b'{"model":"tiny","messages":[{"role":1}]}',
     b'{"model":"tiny","format":"xml","messages":[{"role":"user"}]}', b"\xff\xfe", b"[" * 100_000,
     b'{"model":"tiny","think":"very"}',
     b'{"model":"tiny","messages":[{"role":"user","images":["AA=="]}]}'],
)  # fmt: skip
async def test_bodies_that_make_no_sense_are_400(client: httpx.AsyncClient, raw: bytes) -> None:
    response = await client.post("/api/chat", content=raw)
    assert response.status_code == 400
    assert isinstance(response.json()["error"], str)


async def test_a_body_of_null_is_an_empty_request(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/generate", content=b" null ")
    assert (response.status_code, response.json()) == (404, {"error": "model '' not found"})


@pytest.mark.parametrize(
    ("raw", "kind"), [(b"[]", "array"), (b'"x"', "string"), (b"1", "number"), (b"true", "bool")]
)
async def test_a_body_of_another_kind_is_named(
    client: httpx.AsyncClient, raw: bytes, kind: str
) -> None:
    response = await client.post("/api/chat", content=raw)
    assert response.status_code == 400
    assert f"cannot unmarshal {kind} into" in response.json()["error"]


async def test_embed_gives_unit_vectors_in_order(client: httpx.AsyncClient) -> None:
    body: dict[str, Any] = {"model": "embedder", "input": ["a", "bb cc"]}
    answer = (await client.post("/api/embed", json=body)).json()
    assert [sum(x * x for x in row) for row in answer["embeddings"]] == pytest.approx([1, 1])
    assert answer["prompt_eval_count"] == 3
    cut = (await client.post("/api/embed", json=body | {"dimensions": 1})).json()
    assert cut["embeddings"] == [[1.0], [1.0]]
    old = {"model": "embedder", "prompt": "bb cc"}
    assert (await client.post("/api/embeddings", json=old)).json()["embedding"][0] == 2.0


@pytest.mark.parametrize("nothing", [{}, {"input": ""}, {"input": []}])
async def test_embed_of_nothing_only_loads(
    client: httpx.AsyncClient, nothing: dict[str, Any]
) -> None:
    answer = (await client.post("/api/embed", json={"model": "embedder", **nothing})).json()
    assert answer["embeddings"] == []
    empty = (await client.post("/api/embeddings", json={"model": "embedder"})).json()
    assert empty == {"embedding": []}


async def test_embed_cuts_what_is_too_long_or_refuses(client: httpx.AsyncClient) -> None:
    body: dict[str, Any] = {"model": "embedder", "input": "w " * 80}
    answer = (await client.post("/api/embed", json=body)).json()
    assert answer["prompt_eval_count"] == 64
    refused = await client.post("/api/embed", json=body | {"truncate": False})
    assert refused.json() == {"error": "the input length exceeds the context length"}


async def test_tokenize_counts(client: httpx.AsyncClient) -> None:
    body = {"model": "tiny", "content": "a b a"}
    answer = (await client.post("/api/tokenize", json=body)).json()
    assert answer["count"] == len(answer["tokens"]) == 3


async def test_load_ps_unload(client: httpx.AsyncClient) -> None:
    loaded = await client.post("/api/generate", json={"model": "tiny"})
    assert loaded.headers["content-type"] == "application/json; charset=utf-8"
    assert loaded.json()["done_reason"] == "load"
    (shown,) = (await client.get("/api/ps")).json()["models"]
    assert (shown["name"], shown["size_vram"], shown["context_length"]) == ("tiny:latest", 0, 64)
    body = {"model": "tiny", "messages": [], "keep_alive": 0}
    unloaded = (await client.post("/api/chat", json=body)).json()
    assert (unloaded["done_reason"], unloaded["message"]["content"]) == ("unload", "")
    assert (await client.get("/api/ps")).json() == {"models": []}
    again = await client.post("/api/generate", json={"model": "tiny", "keep_alive": "0s"})
    assert again.json()["done_reason"] == "unload"


async def test_a_crash_before_the_first_word_is_a_500(
    client: httpx.AsyncClient, script: Script
) -> None:
    script.crash_after = 0
    response = await client.post("/api/generate", json={"model": "plain", "prompt": "x"})
    assert response.status_code == 500
    assert "unexpectedly stopped" in response.json()["error"]


async def test_a_crash_in_mid_answer_is_the_last_line_and_the_next_request_works(
    client: httpx.AsyncClient, script: Script
) -> None:
    script.crash_after = 2
    body = {"model": "plain", "prompt": "x"}
    response = await client.post("/api/generate", json=body)
    *chunks, last = await lines(response)
    assert (response.status_code, len(chunks)) == (200, 2)
    assert list(last) == ["error"]
    assert len(await lines(await client.post("/api/generate", json=body))) == 4
    assert script.loads == 2
