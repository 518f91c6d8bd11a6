"""The whole circle: the service starts a run of itself, over HTTP, and keeps the result."""

from pathlib import Path

import pytest

from app.answering.fake_chat import FakeChat
from app.client import Client
from app.main import create_app
from app.settings import Settings
from app.wiring import Services
from evals.report import html, verdict
from tests.evals.fake_service import serving

CHECKOUT = Path(__file__).resolve().parents[2]


async def test_the_service_evaluates_itself(
    settings: Settings,
    services: Services,
    fake_chat: FakeChat,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(CHECKOUT)
    app = create_app(settings, services)
    app.state.services = services
    with serving(app) as url, Client(url, timeout=30) as client:
        services.nightly.listens_at(url)
        begun = client.start_eval("ragstone")
        assert services.nightly.wait(120)
        run = client.eval_run(begun["id"])
        assert run["state"] == "succeeded", run.get("error")
        assert run.get("done") == run.get("total")
        collections = [collection["name"] for collection in client.collections()]
    result = run["result"]
    assert result is not None
    assert result["failures"] == 0
    assert any(name.startswith("eval-ragstone-") for name in collections)
    # with hashed words for an embedding, words still find their passages
    assert result["metrics"]["hit@5"]["mean"] > 0.9
    assert {verdict(case) for case in result["cases"]} <= {"right", "wrong", "silent", "invented"}
    assert "zh-annual-leave" in html(result)
