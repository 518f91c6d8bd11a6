"""More of who may call: preflights of every kind, hosts and origins in odd spellings."""

import socket
from typing import Any

import httpx
import pytest

from backend.engine.fake_runner import Script
from backend.models.store import ModelStore
from backend.web.guard import Guard, allows_host, is_loopback
from tests.backend.conftest import backend_settings, client_for


async def test_options_without_an_origin_is_an_empty_204(client: httpx.AsyncClient) -> None:
    for path in ("/api/chat", "/nothing"):
        response = await client.options(path)
        assert (response.status_code, response.content) == (204, b"")
        assert "access-control-allow-methods" not in response.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"origin": "https://evil.example"}, 403), ({"host": "evil.example"}, 403),
     ({"origin": "http://localhost:1", "host": "evil.example"}, 204)],
)  # fmt: skip
async def test_a_preflight_passes_the_origin_rule_before_the_host_rule(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    response = await client.options("/api/chat", headers=headers)
    assert (response.status_code, response.content) == (status, b"")


async def test_a_refused_page_changes_nothing(client: httpx.AsyncClient, script: Script) -> None:
    headers = {"origin": "https://evil.example", "content-type": "text/plain"}
    body = {"model": "tiny", "prompt": "x"}
    response = await client.post("/api/generate", json=body, headers=headers)
    assert (response.status_code, response.content) == (403, b"")
    assert script.loads == 0


async def test_an_allowed_page_may_read_errors_and_streams(client: httpx.AsyncClient) -> None:
    headers = {"origin": "http://localhost:3000"}
    for name, status in (("tiny", 200), ("absent", 404)):
        body = {"model": name, "prompt": "x"}
        response = await client.post("/api/generate", json=body, headers=headers)
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == "http://localhost:3000"


@pytest.mark.parametrize(
    ("origins", "origin", "status"),
    [("https://a.example", "https://a.example", 200),
     ("https://a.example", "http://a.example", 403),
     ("https://a.example", "https://a.example.evil", 403),
     ("https://a.example", "https://aXexample", 403),
     (" https://a.example , https://b.example ", "https://b.example", 200),
     ("chrome-extension://*", "chrome-extension://abc", 200),
     ("http://10.0.0.*:80", "http://10.0.0.7:80", 200),
     ("http://10.0.0.*:80", "http://10.0.0.7:8080", 403), (",", "https://a.example", 403)],
)  # fmt: skip
async def test_an_entry_allows_what_it_spells(
    store: ModelStore, origins: str, origin: str, status: int
) -> None:
    async with client_for(backend_settings(store, origins=origins), Script()) as client:
        response = await client.get("/", headers={"origin": origin})
    assert response.status_code == status


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("LOCALHOST", True), ("a.b.localhost:80", True), ("192.168.1.1", True), ("172.16.0.1:1", True),
     ("172.32.0.1", False), ("[fd00::1]:9", True), ("[2606:4700::1]", False), ("::1", True),
     ("local", False), ("evil.com.", False), ("127.0.0.1.evil.com", False), ("0x7f000001", False),
     ("127.1", False), (" localhost ", True), ("localhost.", False), ("localhost:evil", False),
     ("localhost:1@evil.com", False), ("localhost:80:80", False), ("localhost/", False),
     ("[::1", False), ("::1]", False), ("[localhost]", False), ("[::1]x", False),
     ("[::1]:port", False), ("[::ffff:10.0.0.1]", True), ("[::ffff:8.8.8.8]", False),
     ("[::]:80", True), ("169.254.1.1", False), ("192.0.2.1", False), ("100.64.0.1", False),
     (".local", True), ("evil.com#.local", True), ("a b.local", False)],
)  # fmt: skip
def test_hosts_in_odd_spellings(host: str, allowed: bool) -> None:
    assert allows_host(host, [], []) is allowed


def test_this_machines_own_addresses_and_name_are_its_own() -> None:
    assert allows_host("198.51.100.7:11434", [], ["198.51.100.7"])
    assert allows_host("[2001:db8::7]:80", [], ["2001:db8::7"])
    assert not allows_host("198.51.100.8", [], ["198.51.100.7"])
    assert allows_host(socket.gethostname().upper())
    assert not allows_host("8.8.8.8")


async def test_null_is_refused_unless_all_origins_are_allowed(store: ModelStore) -> None:
    for origins, status in (("https://*", 403), ("*", 200)):
        async with client_for(backend_settings(store, origins=origins), Script()) as client:
            response = await client.get("/", headers={"origin": "null"})
        assert response.status_code == status


async def test_a_rebound_name_is_its_own_origin_and_still_refused(
    client: httpx.AsyncClient,
) -> None:
    headers = {"host": "evil.example:11434", "origin": "http://evil.example:11434"}
    response = await client.get("/api/tags", headers=headers)
    assert (response.status_code, response.content) == (403, b"")


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("LocalHost", True),
     ("0.0.0.0", False), ("::", False), ("192.168.1.1", False), ("a.example", False)],
)  # fmt: skip
def test_which_addresses_only_this_machine_reaches(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


async def test_what_is_no_http_passes_by(store: ModelStore) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        raise AssertionError("nothing is received or sent here")

    await Guard(app)({"type": "lifespan"}, nothing, nothing)
    assert seen == ["lifespan"]
