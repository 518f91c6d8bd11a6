import httpx
import pytest

from tests.backend.clients.conftest import Live


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/api/status", 200, {"cloud": {"disabled": True, "source": "env"}}),
        ("POST", "/api/me", 401, {"error": "unauthorized"}),
        ("POST", "/api/signout", 401, {"error": "you are not currently signed in"}),
        ("DELETE", "/api/user/keys/abc", 401, {"error": "you are not currently signed in"}),
        ("GET", "/api/experimental/model-recommendations", 200, {"recommendations": []}),
    ],
)
def test_there_is_no_account(
    live: Live, method: str, path: str, status: int, body: dict[str, object]
) -> None:
    answer = httpx.request(method, f"{live.url}{path}")
    assert (answer.status_code, answer.json()) == (status, body)


@pytest.mark.parametrize("what", ["web_search", "web_fetch"])
def test_nothing_is_fetched(live: Live, what: str) -> None:
    answer = httpx.post(f"{live.url}/api/experimental/{what}", json={"query": "x"})
    assert answer.status_code == 403
    assert answer.json()["error"].startswith("ollama cloud is disabled")
