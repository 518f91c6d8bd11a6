"""The doors of questions and searches, over the whole app on real stores."""

import json
from typing import Any

import httpx
import pytest

from app.answering.errors import BackendFailed
from app.answering.fake_chat import Broken, FakeChat
from app.wiring import Services
from tests.app.library import ask, upload

HANDBOOK = (
    "Full-time employees receive 25 days of annual leave per year.\n\n"
    "Dr. Maria Okafor approves every flight that is longer than six hours.\n"
)
LEAVE = "How many days of annual leave do full-time employees receive?"


@pytest.fixture
async def handbook(api: httpx.AsyncClient, services: Services) -> str:
    return await upload(api, services, "handbook.txt", HANDBOOK)


def events(body: str) -> list[tuple[str, Any]]:
    found = []
    for block in body.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


async def test_an_answer_has_every_field_of_the_design(
    api: httpx.AsyncClient, fake_chat: FakeChat, handbook: str
) -> None:
    fake_chat.replies.append("25 days")
    answer = (await ask(api, LEAVE)).json()
    assert set(answer) >= {
        *("id", "question", "answer", "status", "collection", "model", "strategy", "confidence"),
        *("model_answer", "sources", "sentences", "usage", "timings", "dropped"),
    }
    assert answer["status"] == "answered"
    assert answer["answer"].startswith("25 days [1]")
    source = answer["sources"][0]
    assert source["document_id"] == handbook
    text = (await api.get(f"/v1/collections/default/documents/{handbook}/content")).text
    assert source["quote"] in text
    assert set(answer["timings"]) >= {
        *("retrieve_ms", "first_token_ms", "generate_ms", "verify_ms", "total_ms"),
    }


async def test_a_stream_says_the_same_as_the_whole(
    api: httpx.AsyncClient, fake_chat: FakeChat, handbook: str
) -> None:
    fake_chat.default = "25 days"
    whole = (await ask(api, LEAVE)).json()
    streamed = events((await ask(api, LEAVE, stream=True)).text)
    names = [name for name, _ in streamed]
    assert names == ["sources", "token", "token", "sentence", "answer"]
    last = streamed[-1][1]
    for field in ("answer", "status", "sources", "sentences", "dropped", "confidence"):
        assert last[field] == whole[field]
    assert streamed[0][1]["sources"][0]["chunk_id"] == whole["sources"][0]["chunk_id"]


async def test_a_model_that_breaks_off_ends_the_stream_with_an_error(
    api: httpx.AsyncClient, fake_chat: FakeChat, handbook: str
) -> None:
    broken = Broken("25", BackendFailed("The model server broke off in mid-answer."))
    fake_chat.replies.extend([broken, broken, "25 days"])
    streamed = events((await ask(api, LEAVE, stream=True)).text)
    assert streamed[-1][0] == "error"
    assert streamed[-1][1]["code"] == "backend_failed"
    assert (await ask(api, LEAVE)).status_code == 502
    assert (await ask(api, LEAVE)).json()["status"] == "answered"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"question": "   "}, 422, "invalid_request"),
        ({"question": "x" * 8001}, 422, "invalid_request"),
        ({"question": LEAVE, "top_k": 0}, 422, "invalid_request"),
        ({"question": LEAVE, "filters": {"colour": "red"}}, 422, "invalid_request"),
        ({"question": LEAVE, "collection": "nowhere"}, 404, "unknown_collection"),
        ({"question": LEAVE, "strategy": "guess"}, 422, "unknown_strategy"),
        ({"question": LEAVE, "mode": "psychic"}, 422, "unknown_strategy"),
        ({"question": LEAVE, "model": "none:1b"}, 404, "unknown_model"),
        ({"question": LEAVE, "model": "none:1b", "stream": True}, 404, "unknown_model"),
    ],
)
async def test_what_cannot_be_asked(
    api: httpx.AsyncClient, handbook: str, body: dict[str, Any], status: int, code: str
) -> None:
    response = await api.post("/v1/query", json=body)
    assert response.status_code == status
    assert response.json()["code"] == code


async def test_invalid_json(api: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    response = await api.post("/v1/query", content=b'{"question": ', headers=headers)
    assert response.status_code == 400
    assert response.json()["code"] == "invalid_json"


async def test_search_finds_passages_by_filter(
    api: httpx.AsyncClient, services: Services, handbook: str
) -> None:
    await upload(api, services, "notes.md", "The notice board says that annual leave is 40 days.")
    url = "/v1/collections/default/search"
    found = (await api.post(url, json={"query": "annual leave"})).json()["passages"]
    assert {p["document_name"] for p in found} == {"handbook.txt", "notes.md"}
    assert {"chunk_id", "document_id", "text", "score", "page", "start", "end", "ranks"} <= set(
        found[0]
    )
    only = {"query": "annual leave", "filters": {"names": ["*.md"]}, "mode": "keyword", "top_k": 1}
    (passage,) = (await api.post(url, json=only)).json()["passages"]
    assert passage["document_name"] == "notes.md"
    later = {"query": "leave", "filters": {"uploaded_after": "2100-01-01T00:00:00"}}
    assert (await api.post(url, json=later)).json()["passages"] == []


async def test_search_errors(api: httpx.AsyncClient) -> None:
    missing = await api.post("/v1/collections/nowhere/search", json={"query": "x"})
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_collection")
    mode = await api.post("/v1/collections/default/search", json={"query": "x", "mode": "y"})
    assert mode.status_code == 422
