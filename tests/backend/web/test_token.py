"""RAGSTONE_BACKEND_TOKEN: nobody without it, whatever they ask for, in their API's own form."""

import httpx
import ollama
import pytest

from backend.engine.fake_runner import Script
from backend.models.store import ModelStore
from tests.backend.conftest import backend_settings, client_for
from tests.backend.processes import backend_process

TOKEN = "open-sesame"


@pytest.mark.parametrize(
    "given",
    ["", "Bearer", "Bearer open-sesam", "bearer open-sesame", "open-sesame",
     "Basic b3Blbi1zZXNhbWU=", "Bearer \xfcber"],
)  # fmt: skip
async def test_a_wrong_token_is_refused(store: ModelStore, given: str) -> None:
    async with client_for(backend_settings(store, token=TOKEN), Script()) as client:
        headers = {"authorization": given.encode("latin-1")} if given else {}
        response = await client.get("/api/tags", headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["error"].startswith("unauthorized")


async def test_nothing_is_open_and_the_right_token_opens_all(store: ModelStore) -> None:
    settings = backend_settings(store, token=TOKEN)
    async with client_for(settings, Script(reply="one")) as client:
        for path in ("/", "/api/version", "/api/ps", "/v1/models", "/nothing"):
            assert (await client.get(path)).status_code == 401
        client.headers["authorization"] = f"Bearer {TOKEN}"
        for path, status in (("/", 200), ("/api/ps", 200), ("/v1/models", 200), ("/nothing", 404)):
            assert (await client.get(path)).status_code == status


async def test_the_error_has_the_shape_of_the_api_that_was_asked(store: ModelStore) -> None:
    async with client_for(backend_settings(store, token=TOKEN), Script()) as client:
        assert isinstance((await client.post("/api/chat")).json()["error"], str)
        assert "message" in (await client.get("/v1/models")).json()["error"]


async def test_a_stranger_is_told_nothing_and_a_preflight_needs_no_token(store: ModelStore) -> None:
    async with client_for(backend_settings(store, token=TOKEN), Script()) as client:
        refused = await client.get("/", headers={"origin": "https://evil.example"})
        assert (refused.status_code, refused.content) == (403, b"")
        asked = await client.options("/api/chat", headers={"origin": "http://localhost:3000"})
        assert asked.status_code == 204


async def test_without_a_setting_there_is_no_password(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/ps")).status_code == 200


def test_ollamas_own_client_sends_it(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with backend_process(store.folder, RAGSTONE_BACKEND_TOKEN=TOKEN) as (_, url):
        with ollama.Client(url) as client, pytest.raises(ollama.ResponseError) as refused:
            client.list()
        assert refused.value.status_code == 401
        monkeypatch.setenv("OLLAMA_API_KEY", TOKEN)
        with ollama.Client(url) as client:
            assert len(client.list().models) == 3
