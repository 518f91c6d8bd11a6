"""The clients over httpx's own fake transport: what is sent, what comes back, what is raised."""

import asyncio
import json
from collections.abc import Callable
from inspect import isfunction
from pathlib import Path

import httpx
import pytest

from app.client import (
    AsyncClient,
    Client,
    Event,
    ServiceError,
    ServiceUnavailable,
    calls,
)
from app.client.endpoints import Endpoint, Endpoints, Stream

Handler = Callable[[httpx.Request], httpx.Response]


def client_of(handler: Handler) -> Client:
    return Client("http://ragstone.test", transport=httpx.MockTransport(handler))


def replies(status: int = 200, **response) -> Client:
    return client_of(lambda request: httpx.Response(status, **response))


def sse(*events: tuple[str, object]) -> bytes:
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events).encode()


def echo(request: httpx.Request) -> httpx.Response:
    sent = json.loads(request.content) if request.content else None
    return httpx.Response(
        200,
        json={
            "method": request.method,
            "target": request.url.raw_path.decode(),
            "json": sent,
            "passages": [],
        },
    )


WHOLE_REPLY = [
    (calls.collection("a"), "GET", "/v1/collections/a", None),
    (calls.collection("a/../b c"), "GET", "/v1/collections/a%2F..%2Fb%20c", None),
    (calls.collection("产品"), "GET", "/v1/collections/%E4%BA%A7%E5%93%81", None),
    (calls.create_collection("a"), "POST", "/v1/collections", {"name": "a"}),
    (calls.documents("a"), "GET", "/v1/collections/a/documents", None),
    (
        calls.documents("a", status="failed", limit=2, cursor="x y"),
        "GET",
        "/v1/collections/a/documents?status=failed&limit=2&cursor=x+y",
        None,
    ),
    (calls.document("a", "1"), "GET", "/v1/collections/a/documents/1", None),
    (calls.job("j1"), "GET", "/v1/jobs/j1", None),
    (calls.cancel_job("j1"), "POST", "/v1/jobs/j1/cancel", None),
    (calls.query("why?"), "POST", "/v1/query", {"question": "why?", "stream": False}),
    (
        calls.query("why?", {"collection": "a", "top_k": 3, "filters": {"names": ["*.pdf"]}}),
        "POST",
        "/v1/query",
        {
            "question": "why?",
            "collection": "a",
            "top_k": 3,
            "filters": {"names": ["*.pdf"]},
            "stream": False,
        },
    ),
    (calls.start_eval(), "POST", "/v1/evals/runs", {}),
    (calls.ready(), "GET", "/health/ready", None),
    (calls.doctor_fix(), "POST", "/v1/doctor/fix", None),
]


@pytest.mark.parametrize(("call", "method", "target", "body"), WHOLE_REPLY)
def test_a_call_is_sent_as_the_table_says(call, method, target, body):
    reply = client_of(echo).send(call)
    assert (reply["method"], reply["target"], reply["json"]) == (method, target, body)


def test_every_row_of_the_table_is_an_endpoint_of_both_clients():
    rows = {
        name
        for name, row in vars(calls).items()
        if isfunction(row) and row.__module__ == calls.__name__ and not name.startswith("_")
    }
    endpoints = {
        name for name, value in vars(Endpoints).items() if isinstance(value, (Endpoint, Stream))
    }
    assert endpoints == rows
    assert all(Endpoints.__dict__[name].__doc__ for name in endpoints)


def test_one_field_of_the_reply_is_the_result():
    assert replies(json={"passages": [{"chunk_id": "c"}]}).search("x") == [{"chunk_id": "c"}]


def test_a_deletion_has_no_result():
    assert replies(204).delete_document("a", "1") is None


def test_files_are_sent_as_multipart_under_the_names_given(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(b"first")
    (tmp_path / "b.txt").write_bytes(b"second")

    def handler(request: httpx.Request) -> httpx.Response:
        body = request.read()
        assert request.headers["content-type"].startswith("multipart/form-data")
        assert body.count(b'name="files"') == 2
        assert b'filename="a.txt"' in body
        assert b'filename="other.txt"' in body
        assert body.index(b"first") < body.index(b"second")
        return httpx.Response(202, json={"documents": [{"id": "1"}, {"id": "2"}]})

    files = [tmp_path / "a.txt", ("other.txt", tmp_path / "b.txt")]
    assert [one["id"] for one in client_of(handler).upload("default", files)] == ["1", "2"]


def test_a_file_is_read_piece_by_piece(tmp_path: Path):
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(5_000_000)
    pieces: list[int] = []

    class Counting(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            pieces.extend(len(piece) for piece in request.stream)
            return httpx.Response(202, json={"documents": []})

    Client("http://ragstone.test", transport=Counting()).upload("default", [large])
    assert sum(pieces) > 5_000_000
    assert max(pieces) <= 1 << 17


def test_a_problem_becomes_an_error_with_its_code_sentence_and_setting():
    problem = {
        "title": "Too large",
        "status": 413,
        "detail": "big.pdf has 300 MB.",
        "code": "too_large",
        "setting": "RAGSTONE_MAX_UPLOAD_MB",
    }
    with pytest.raises(ServiceError) as caught:
        replies(413, json=problem).collections()
    error = caught.value
    assert (error.status, error.code, error.detail) == (413, "too_large", "big.pdf has 300 MB.")
    assert str(error) == "big.pdf has 300 MB. (setting: RAGSTONE_MAX_UPLOAD_MB)"


@pytest.mark.parametrize(
    ("response", "code", "detail"),
    [
        ({"text": "Bad gateway"}, "http_502", "Bad gateway"),
        ({"json": {"detail": [{"msg": "no"}]}}, "http_502", "[{'msg': 'no'}]"),
        ({"json": {"error": {"message": "no model", "code": "m"}}}, "m", "no model"),
        ({"json": []}, "http_502", "[]"),
    ],
)
def test_an_error_of_any_shape_is_told(response, code, detail):
    with pytest.raises(ServiceError) as caught:
        replies(502, **response).collections()
    assert (caught.value.code, caught.value.detail) == (code, detail)


@pytest.mark.parametrize("response", [{"text": "<html>"}, {"json": {}}, {"json": [1]}])
def test_another_program_on_the_port_is_recognised(response):
    with pytest.raises(ServiceUnavailable, match="is not Ragstone"):
        replies(**response).collections()


def test_readiness_is_a_result_also_when_not_ready():
    assert replies(503, json={"ready": False}).ready() == {"ready": False}


def test_without_a_service_the_error_says_how_to_start_one():
    with Client("http://127.0.0.1:9") as client, pytest.raises(ServiceUnavailable) as caught:
        client.health()
    assert "no Ragstone service at http://127.0.0.1:9" in str(caught.value)
    assert "ragstone serve" in str(caught.value)


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (httpx.ReadTimeout("slow"), "did not answer in time"),
        (httpx.RemoteProtocolError("gone"), "broke off: gone"),
    ],
)
def test_a_service_that_breaks_off_is_told_apart(raised, words):
    def handler(request: httpx.Request) -> httpx.Response:
        raise raised

    with pytest.raises(ServiceUnavailable, match=words):
        client_of(handler).health()


@pytest.mark.parametrize("url", ["127.0.0.1:8484", "ftp://x", "nonsense"])
def test_an_address_that_is_none_is_told(url):
    with pytest.raises(ServiceUnavailable, match="no address of a service"):
        Client(url).health()


def test_events_come_with_name_and_data():
    stream = sse(("token", {"text": "He"}), ("token", {"text": "llo"}), ("answer", {"id": "1"}))

    def handler(request: httpx.Request) -> httpx.Response:
        assert json.loads(request.content)["stream"] is True
        assert request.headers["accept"] == "text/event-stream"
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=stream)

    assert list(client_of(handler).query_events("hi")) == [
        Event("token", {"text": "He"}),
        Event("token", {"text": "llo"}),
        Event("answer", {"id": "1"}),
    ]


def test_an_error_in_mid_stream_is_raised_after_the_events_before_it():
    stream = sse(("token", {"text": "He"}), ("error", {"code": "backend_failed", "detail": "died"}))
    client = replies(200, headers={"content-type": "text/event-stream"}, content=stream)
    events = client.query_events("hi")
    assert next(events).data == {"text": "He"}
    with pytest.raises(ServiceError, match="died") as caught:
        next(events)
    assert caught.value.code == "backend_failed"


def test_a_refused_stream_is_an_error():
    client = replies(404, json={"code": "unknown_collection", "detail": "no such collection"})
    with pytest.raises(ServiceError, match="no such collection"):
        list(client.query_events("hi"))


def test_a_stream_that_is_none_is_recognised():
    with pytest.raises(ServiceUnavailable, match="is not Ragstone"):
        list(replies(200, json={"jobs": 1}).job_events("j"))


async def test_the_asynchronous_client_does_the_same():
    stream = sse(("token", {"text": "He"}), ("answer", {"id": "1"}))

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/query":
            kind = {"content-type": "text/event-stream"}
            return httpx.Response(200, headers=kind, content=stream)
        if request.url.path == "/v1/jobs":
            return httpx.Response(404, json={"code": "nope", "detail": "no"})
        return echo(request)

    transport = httpx.MockTransport(handler)
    async with AsyncClient("http://ragstone.test", transport=transport) as client:
        assert [event.name async for event in client.query_events("hi")] == ["token", "answer"]
        assert await client.search("x") == []
        with pytest.raises(ServiceError, match="no"):
            await client.jobs()


async def test_asynchronous_calls_run_at_once():
    both = asyncio.Barrier(2)

    async def handler(request: httpx.Request) -> httpx.Response:
        await both.wait()  # would wait for ever if one call came after the other
        return httpx.Response(200, json={"status": "ok"})

    transport = httpx.MockTransport(handler)
    async with AsyncClient("http://ragstone.test", transport=transport) as client:
        replies = await asyncio.gather(client.health(), client.health())
    assert replies == [{"status": "ok"}] * 2
