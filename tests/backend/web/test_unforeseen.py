import logging
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from starlette.responses import StreamingResponse

from backend.main import create_app
from backend.settings import BackendSettings
from tests.backend.clients.conftest import serving_app

SENTENCE = "internal server error; the backend's log has the details"


@pytest.fixture
def client(settings: BackendSettings) -> Iterator[httpx.Client]:
    app = create_app(settings)

    @app.get("/broken")
    @app.get("/v1/broken")
    async def broken() -> None:
        raise RuntimeError("nobody foresaw this")

    @app.get("/half")
    async def half() -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            yield "one"
            raise RuntimeError("nobody foresaw this")

        return StreamingResponse(parts())

    one = httpx.Limits(max_connections=1)
    with serving_app(app) as url, httpx.Client(base_url=url, limits=one) as client:
        yield client


def test_it_is_told_and_logged_and_the_connection_lives(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        answer = client.get("/broken")
        assert (answer.status_code, answer.json()) == (500, {"error": SENTENCE})
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert client.get("/").text == "Ollama is running"
    assert "RuntimeError: nobody foresaw this" in caplog.text


def test_v1_tells_it_in_its_own_shape(client: httpx.Client) -> None:
    error = client.get("/v1/broken").json()["error"]
    assert (error["message"], error["type"]) == (SENTENCE, "api_error")


def test_an_answer_under_way_breaks_off(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/half")
