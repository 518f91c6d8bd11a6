"""The service's edge: foreign pages are refused, huge bodies too, health needs no models."""

import re

import httpx
import pytest

from app.body_limit import LIMIT_BYTES
from app.browser_guard import host_of, is_local_name


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("192.168.1.7", True),
        ("nas.local", True),
        ("docs.internal", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.nip.example", False),
        ("", False),
    ],
)
def test_which_names_a_browser_may_use(host: str, local: bool) -> None:
    assert is_local_name(host, frozenset()) is local


def test_further_names_can_be_allowed() -> None:
    assert is_local_name("docs.example", frozenset({"docs.example"}))


@pytest.mark.parametrize(
    ("authority", "host"),
    [("LocalHost:8484", "localhost"), ("[::1]:80", "::1"), ("a@b:1", "b"), ("", "")],
)
def test_the_host_of_an_authority(authority: str, host: str) -> None:
    assert host_of(authority) == host


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://127.0.0.1"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"host": "evil.example"}, 403),
        ({"host": "[::1"}, 403),
        ({"origin": "http://["}, 403),
        ({"host": "localhost:8484"}, 200),
        ({"host": "localhost:8484", "origin": "http://localhost:8484"}, 200),
    ],
)
async def test_other_peoples_pages_are_refused(
    api: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    reply = await api.get("/health", headers=headers)
    assert reply.status_code == status
    if status == 403:
        assert reply.json()["setting"] == "RAGSTONE_ALLOWED_HOSTS"


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
async def test_a_huge_body_is_refused_whatever_it_says_it_is(
    api: httpx.AsyncClient, kind: str
) -> None:
    content = b'{"question": "' + b"x" * LIMIT_BYTES + b'"}'
    headers = {"content-type": kind}
    reply = await api.post("/v1/query", content=content, headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (413, "body_too_large")


async def test_health_readiness_metrics_and_info(api: httpx.AsyncClient) -> None:
    assert (await api.get("/health")).json() == {"status": "ok"}
    ready = (await api.get("/health/ready")).json()
    assert (ready["catalogue"], ready["embedding"], ready["worker"]) == ("ok", "ok", "ok")
    body = {"title": "Note", "text": "Ragstone answers from documents."}
    assert (await api.post("/v1/collections/default/documents", json=body)).status_code == 202
    counted = (await api.get("/metrics")).text
    assert 'ragstone_documents{collection="default",status=' in counted
    info = (await api.get("/v1/info")).json()
    assert info["catalogue"] == "sqlite"


async def test_the_doctor_examines_and_repairs_a_running_service(api: httpx.AsyncClient) -> None:
    assert (await api.get("/v1/doctor")).json()["ok"]
    assert (await api.post("/v1/doctor/fix")).json()["ok"]


async def test_a_browser_is_led_to_pages_that_need_no_other_server(api: httpx.AsyncClient) -> None:
    reply = await api.get("/", follow_redirects=True)
    assert (reply.status_code, reply.url.path) == (200, "/docs")
    linked = re.findall(r'(?:src|href)="([^"]+)"', reply.text)
    assert linked
    for link in linked:
        assert link.startswith("/"), "nothing from elsewhere"
        assert (await api.get(link)).status_code == 200


async def test_the_routes_are_described(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    wanted = {"/v1/query", "/v1/collections/{collection}/documents", "/v1/jobs/{job_id}/events"}
    assert wanted <= set(paths), sorted(paths)
