"""What OpenAI's own client raises when something is wrong, and the bodies that it reads."""

from typing import Any

import httpx
import openai
import pytest

from tests.backend.clients.conftest import Live, user

SAID: Any = user("hello")
PATHS = ("/chat/completions", "/completions", "/embeddings", "/responses")


def body_for(path: str, model: str) -> dict[str, Any]:
    fields = {"/chat/completions": {"messages": SAID}, "/completions": {"prompt": "x"}}
    return {"model": model, **fields.get(path, {"input": "x"})}


def shape(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["param"], error["code"]) == (None, None)
    return error


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
def test_an_absent_model(openai_client: openai.OpenAI, path: str, stream: bool) -> None:
    body = body_for(path, "absent") | {"stream": stream}
    with pytest.raises(openai.NotFoundError, match="not found") as caught:
        openai_client.post(path, cast_to=object, body=body)
    assert caught.value.type == "not_found_error"
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["code"] is None


@pytest.mark.parametrize("path", PATHS)
def test_an_invalid_name(openai_client: openai.OpenAI, path: str) -> None:
    with pytest.raises(openai.BadRequestError, match="invalid model name") as caught:
        openai_client.post(path, cast_to=object, body=body_for(path, "a//b"))
    assert caught.value.type == "invalid_request_error"


@pytest.mark.parametrize("raw", ["", "{", "[]", "3", '{"model": 3}', '{"model": NaN}'])
@pytest.mark.parametrize("path", [*PATHS, "/messages"])
def test_a_body_that_is_no_request(live: Live, path: str, raw: str) -> None:
    answer = httpx.post(f"{live.url}/v1{path}", content=raw)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/chat/completions", {"messages": []}),
        ("/chat/completions", {"messages": "x"}),
        ("/chat/completions", {"temperature": "hot"}),
        ("/chat/completions", {"stop": [3]}),
        ("/chat/completions", {"reasoning_effort": "much"}),
        ("/chat/completions", {"top_logprobs": 21, "logprobs": True}),
        ("/chat/completions", {"response_format": {"type": "json_schema"}}),
        ("/chat/completions", {"stream": "yes"}),
        ("/completions", {"prompt": ["x"]}),
        ("/embeddings", {"input": None}),
        ("/embeddings", {"encoding_format": "int8"}),
        ("/responses", {"input": 3}),
    ],
)
def test_a_field_of_the_wrong_kind(live: Live, path: str, more: dict[str, Any]) -> None:
    answer = httpx.post(f"{live.url}/v1{path}", json=body_for(path, "tiny") | more)
    assert answer.status_code == 400
    assert shape(answer)["type"] == "invalid_request_error"


def test_too_few_messages(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match=r"\[\] is too short - 'messages'"):
        openai_client.chat.completions.create(model="tiny", messages=[])


def test_the_content_type_does_not_matter(live: Live) -> None:
    answer = httpx.post(
        f"{live.url}/v1/chat/completions",
        content='{"model": "tiny", "messages": [{"role": "user", "content": "x"}]}',
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 200


def test_images_are_data_only(openai_client: openai.OpenAI) -> None:
    part = {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}}
    messages: Any = [{"role": "user", "content": [part]}]
    with pytest.raises(openai.BadRequestError, match="invalid image input"):
        openai_client.chat.completions.create(model="tiny", messages=messages)


def test_a_text_model_refuses_images(openai_client: openai.OpenAI) -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    messages: Any = [{"role": "user", "content": [part]}]
    with pytest.raises(openai.BadRequestError):
        openai_client.chat.completions.create(model="tiny", messages=messages)


def test_tools_are_refused_where_the_model_has_none(openai_client: openai.OpenAI) -> None:
    tools: Any = [{"type": "function", "function": {"name": "add", "parameters": {}}}]
    with pytest.raises(openai.BadRequestError, match="does not support tools"):
        openai_client.chat.completions.create(model="plain", messages=SAID, tools=tools)


def test_a_load_that_fails(openai_client: openai.OpenAI, live: Live) -> None:
    live.script.load_error = "out of luck"
    with pytest.raises(openai.InternalServerError, match="out of luck") as caught:
        openai_client.chat.completions.create(model="tiny", messages=SAID)
    assert caught.value.type == "api_error"


def test_a_timeout_of_the_client(openai_client: openai.OpenAI, live: Live) -> None:
    live.script.token_seconds = 60
    with pytest.raises(openai.APITimeoutError):
        openai_client.chat.completions.create(model="tiny", messages=SAID, timeout=0.2)


@pytest.mark.parametrize("path", ["/v1", "/v1/nothing", "/v1/models/a/b", "/v1/images/generations"])
def test_unknown_routes_are_plain(live: Live, path: str) -> None:
    answer = httpx.get(f"{live.url}{path}")
    assert (answer.status_code, answer.text) == (404, "404 page not found")
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_wrong_method(live: Live) -> None:
    answer = httpx.get(f"{live.url}/v1/chat/completions")
    assert (answer.status_code, answer.text) == (405, "405 method not allowed")
    assert answer.headers["allow"] == "POST"
