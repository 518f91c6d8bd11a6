"""Who may call from a browser: origins, preflights and Host headers."""

import httpx
import pytest

from backend.engine.fake_runner import Script
from backend.models.store import ModelStore
from backend.web.guard import allows_host
from tests.backend.conftest import backend_settings, client_for


@pytest.mark.parametrize(
    "origin",
    ["http://localhost", "http://localhost:3000", "https://127.0.0.1:1", "http://0.0.0.0",
     "app://x", "file://", "tauri://localhost", "vscode-webview://abc"],
)  # fmt: skip
async def test_local_origins_may_call(client: httpx.AsyncClient, origin: str) -> None:
    headers = {"origin": origin, "host": "127.0.0.1:11434"}
    response = await client.get("/api/version", headers=headers)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == origin
    assert response.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    ["https://example.com", "null", "http://localhost.evil.com", "http://localhost:1@evil.com",
     "http://localhost:123456", "chrome-extension://abc"],
)  # fmt: skip
async def test_other_origins_are_refused_everywhere(client: httpx.AsyncClient, origin: str) -> None:
    for path in ("/api/version", "/nothing"):
        response = await client.get(path, headers={"origin": origin})
        assert (response.status_code, response.content) == (403, b"")
        assert "access-control-allow-origin" not in response.headers


async def test_the_same_origin_needs_no_label(client: httpx.AsyncClient) -> None:
    headers = {"origin": "http://10.0.0.1:99", "host": "10.0.0.1:99"}
    response = await client.get("/", headers=headers)
    assert response.status_code == 200
    assert "access-control-allow-origin" not in response.headers


async def test_a_preflight_is_answered(client: httpx.AsyncClient) -> None:
    response = await client.options("/api/chat", headers={"origin": "http://localhost:3000"})
    assert response.status_code == 204
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-max-age"] == "43200"


async def test_further_origins_by_setting(store: ModelStore) -> None:
    for origins, allowed in (("https://*.example.com", "https://a.example.com"), ("*", "*")):
        settings = backend_settings(store, origins=origins)
        async with client_for(settings, Script()) as client:
            headers = {"origin": "https://a.example.com"}
            response = await client.get("/", headers=headers)
            assert response.headers["access-control-allow-origin"] == allowed


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("", True), ("localhost:1", True), ("127.0.0.1", True), ("[::1]:80", True), ("a.local", True),
     ("x.internal", True), ("10.1.2.3:5", True), ("0.0.0.0", True), ("mine", True),
     ("example.com", False), ("localhost.evil.com", False), ("8.8.8.8", False)],
)  # fmt: skip
def test_hosts(host: str, allowed: bool) -> None:
    assert allows_host(host, ["Mine"]) is allowed


async def test_a_rebound_host_is_refused_on_loopback_only(store: ModelStore) -> None:
    for bound, status in (("127.0.0.1:0", 403), ("0.0.0.0:0", 200)):
        settings = backend_settings(store).model_copy(update={"host": bound})
        async with client_for(settings, Script()) as client:
            response = await client.get("/", headers={"host": "evil.example.com"})
            assert (response.status_code, response.content == b"") == (status, status == 403)
