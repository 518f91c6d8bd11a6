"""Every error class has its row, and every refusal the same shape."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from app.error_handlers import FAMILIES, TABLE, install, problem, respond, row_for
from ingest.errors import IngestError


def family(cls: type[Exception]) -> Iterator[type[Exception]]:
    for child in cls.__subclasses__():
        yield child
        yield from family(child)


@pytest.mark.parametrize("root", FAMILIES)
def test_no_error_class_lacks_a_row(root: type[Exception]) -> None:
    ours = [cls for cls in family(root) if not cls.__module__.startswith("tests.")]
    assert [cls.__name__ for cls in ours if cls not in TABLE] == []


def test_a_code_says_the_same_over_http_and_in_a_failed_document() -> None:
    for cls in family(IngestError):
        assert row_for(cls("x")).code == cls.code


def test_a_subclass_without_a_row_is_served_by_its_family() -> None:
    parent = next(iter(TABLE))
    child = type("Special", (parent,), {})
    assert row_for(child("x")) == TABLE[parent]


def test_a_stranger_is_a_plain_500_that_tells_its_sentence() -> None:
    status, body = problem(ValueError("odd"))
    assert (status, body["code"], body["detail"]) == (500, "internal_error", "odd")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/v1/nothing", None, 404, "unknown_route"),
        ("PUT", "/v1/query", None, 405, "method_not_allowed"),
        ("POST", "/v1/query", b"{", 400, "invalid_json"),
        ("POST", "/v1/query", b"{}", 422, "invalid_request"),
        ("POST", "/v1/query", b"[" * 100_000, 400, "unreadable_body"),
        ("POST", "/v1/query", b"\xff\xfe{", 400, "unreadable_body"),
        (
            "POST",
            "/v1/query",
            rb'{"question": "a", "collection": "\ud800"}',
            422,
            "invalid_request",
        ),
        ("POST", "/v1/query", rb'{"question": "a", "model": "\ud800"}', 422, "invalid_request"),
        (
            "POST",
            "/v1/query",
            b'{"question": "a", "filters": {"uploaded_before": "9999-12-31T23:00:00-12:00"}}',
            422,
            "invalid_request",
        ),
        ("POST", "/v1/collections", rb'{"name": "\ud800"}', 422, "invalid_request"),
        ("GET", "/v1/jobs/none", None, 404, "unknown_job"),
        ("GET", "/v1/collections/none", None, 404, "unknown_collection"),
    ],
)
async def test_refusals_are_problem_json(
    api: httpx.AsyncClient, method: str, path: str, body: bytes | None, status: int, code: str
) -> None:
    headers = {"content-type": "application/json"}
    reply = await api.request(method, path, content=body, headers=headers)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    problem_body = reply.json()
    assert (problem_body["code"], problem_body["status"]) == (code, status)
    assert problem_body["detail"]


async def test_a_body_that_is_not_said_to_be_json_is_told_how(api: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    reply = await api.post("/v1/query", content=b'{"question": "a"}', headers=headers)
    assert reply.status_code == 422
    assert "Content-Type: application/json" in reply.json()["detail"]


def test_a_sentence_that_quotes_a_lone_surrogate_can_be_sent() -> None:
    status, body = problem(ValueError("no \ud800"))
    assert respond(status, body).status_code == 500


async def test_a_defect_has_the_shape_of_every_error() -> None:
    app = FastAPI()
    install(app)

    @app.get("/")
    def broken() -> None:
        raise RuntimeError("odd")

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        reply = await client.get("/")
    assert reply.headers["content-type"] == "application/problem+json"
    assert (reply.status_code, reply.json()["code"]) == (500, "internal_error")
