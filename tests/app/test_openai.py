"""The OpenAI shape, with the official client."""

import base64
import struct

import httpx
import openai
import pytest

from app.answering.errors import BackendFailed
from app.answering.fake_chat import Broken, FakeChat
from app.wiring import Services
from tests.app.library import ask, upload
from tests.app.test_query import HANDBOOK, LEAVE

MODEL = "gemma3-base:270m"


@pytest.fixture
async def client(api: httpx.AsyncClient) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        api_key="none", base_url="http://127.0.0.1/v1", http_client=api, max_retries=0
    )


@pytest.fixture
async def handbook(api: httpx.AsyncClient, services: Services) -> str:
    return await upload(api, services, "handbook.txt", HANDBOOK)


def user(text: str) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": "You are helpful."},
        {"role": "user", "content": "Hello?"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": text},
    ]


async def test_collections_and_the_backends_models_are_models(client: openai.AsyncOpenAI) -> None:
    listed = {model.id: model.owned_by async for model in await client.models.list()}
    assert listed == {"default": "ragstone", MODEL: "ollama"}
    assert (await client.models.retrieve(MODEL)).id == MODEL
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("nothing")


async def test_a_completion_is_the_native_answer(
    client: openai.AsyncOpenAI, api: httpx.AsyncClient, fake_chat: FakeChat, handbook: str
) -> None:
    fake_chat.default = "25 days"
    native = (await ask(api, LEAVE)).json()
    said = await client.chat.completions.create(model="default", messages=user(LEAVE))
    text = said.choices[0].message.content
    assert text == f"{native['answer']}\n\nSources:\n[1] handbook.txt, p. 1" or text == (
        f"{native['answer']}\n\nSources:\n[1] handbook.txt"
    )
    rides_along = said.model_extra["ragstone"]
    assert rides_along["sources"] == native["sources"]
    assert rides_along["sentences"] == native["sentences"]
    assert rides_along["status"] == "answered"
    assert said.choices[0].finish_reason == "stop"
    assert said.usage.total_tokens == sum(native["usage"].values())


@pytest.mark.parametrize("reply", ["25 days", "40 days", "", "25 days. Nobody knows why."])
async def test_a_stream_adds_up_to_the_whole(
    client: openai.AsyncOpenAI, fake_chat: FakeChat, handbook: str, reply: str
) -> None:
    fake_chat.default = reply
    whole = await client.chat.completions.create(model="default", messages=user(LEAVE))
    stream = await client.chat.completions.create(
        model="default", messages=user(LEAVE), stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    last = chunks[-2]
    assert last.choices[0].finish_reason == "stop"
    assert last.model_extra["ragstone"]["sources"] == whole.model_extra["ragstone"]["sources"]
    assert len({chunk.id for chunk in chunks}) == 1


async def test_no_answer_is_said_and_has_no_footnotes(
    client: openai.AsyncOpenAI, handbook: str
) -> None:
    question = user("Which football club won the cup in Madrid?")
    said = await client.chat.completions.create(model="default", messages=question)
    assert said.model_extra["ragstone"]["status"] == "abstained"
    assert "Sources:" not in said.choices[0].message.content


async def test_parts_of_a_message_are_joined(
    client: openai.AsyncOpenAI, fake_chat: FakeChat, handbook: str
) -> None:
    fake_chat.default = "25 days"
    parts = [{"role": "user", "content": [{"type": "text", "text": LEAVE}]}]
    said = await client.chat.completions.create(model="default", messages=parts)
    assert said.choices[0].message.content.startswith("25 days [1]")


async def test_a_backend_model_is_a_plain_chat(
    client: openai.AsyncOpenAI, fake_chat: FakeChat
) -> None:
    fake_chat.replies.extend(["Good day.", "Good day."])
    said = await client.chat.completions.create(
        model=MODEL, messages=user("Hi"), max_tokens=7, temperature=0.5, stop="!"
    )
    assert said.choices[0].message.content == "Good day."
    assert "ragstone" not in said.model_extra
    prompt = fake_chat.history[0]
    assert [turn.role for turn in prompt.turns] == ["system", "user", "assistant", "user"]
    assert (prompt.max_tokens, prompt.temperature, prompt.stop) == (7, 0.5, ("!",))
    stream = await client.chat.completions.create(model=MODEL, messages=user("Hi"), stream=True)
    assert "".join([c.choices[0].delta.content or "" async for c in stream]) == "Good day."


async def test_errors_have_openais_shape(
    client: openai.AsyncOpenAI, api: httpx.AsyncClient, fake_chat: FakeChat, handbook: str
) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.chat.completions.create(model="nothing", messages=user("Hi"))
    assert unknown.value.body["code"] == "unknown_model"
    with pytest.raises(openai.BadRequestError):
        await client.chat.completions.create(model="default", messages=[])
    with pytest.raises(openai.BadRequestError, match="no user message"):
        await client.chat.completions.create(
            model="default", messages=[{"role": "system", "content": "x"}]
        )
    fake_chat.replies.append(BackendFailed("died"))
    with pytest.raises(openai.InternalServerError):
        await client.chat.completions.create(model="default", messages=user(LEAVE))
    bad = await api.post(
        "/v1/chat/completions", content=b"{", headers={"content-type": "application/json"}
    )
    assert bad.status_code == 400
    assert bad.json()["error"]["type"] == "invalid_request_error"


async def test_an_error_in_mid_stream_reaches_the_client(
    client: openai.AsyncOpenAI, fake_chat: FakeChat
) -> None:
    fake_chat.replies.append(Broken("Good day", BackendFailed("The model server died.")))
    stream = await client.chat.completions.create(model=MODEL, messages=user("Hi"), stream=True)
    with pytest.raises(openai.APIError, match="died"):
        async for _ in stream:
            pass


async def test_embeddings_as_floats_and_as_base64(
    client: openai.AsyncOpenAI, api: httpx.AsyncClient, services: Services
) -> None:
    made = await client.embeddings.create(model="any", input=["one", "two"])
    expected = services.embedder.embed_passages(["one", "two"])
    assert [item.embedding for item in made.data] == [pytest.approx(list(row)) for row in expected]
    body = {"input": "one", "encoding_format": "base64"}
    raw = (await api.post("/v1/embeddings", json=body)).json()["data"][0]["embedding"]
    assert struct.unpack("<64f", base64.b64decode(raw)) == pytest.approx(expected[0])
    with pytest.raises(openai.BadRequestError):
        await client.embeddings.create(model="any", input=[])
