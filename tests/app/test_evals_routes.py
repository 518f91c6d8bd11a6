"""/v1/evals/runs, on the whole app with fake models."""

import sys

import httpx
import pytest

from app.nightly import Nightly
from app.wiring import Services

ECHO = (sys.executable, "-c", 'print(\'{"event": "result", "result": {"metrics": {}}}\')')


@pytest.fixture
def nightly(services: Services, monkeypatch: pytest.MonkeyPatch) -> Nightly:
    """The service's own, with a child that answers at once."""
    monkeypatch.setattr(services.nightly, "_command", ECHO)
    return services.nightly


async def test_there_are_no_runs_at_first(api: httpx.AsyncClient):
    assert (await api.get("/v1/evals/runs")).json() == {"runs": []}


async def test_a_run_is_begun_listed_and_read(api: httpx.AsyncClient, nightly: Nightly):
    begun = await api.post("/v1/evals/runs", json={"dataset": "tiny"})
    assert begun.status_code == 202
    assert begun.json()["dataset"] == "tiny"
    assert nightly.wait(30)
    run = (await api.get(f"/v1/evals/runs/{begun.json()['id']}")).json()
    assert run["state"] == "succeeded"
    assert run["result"] == {"metrics": {}}
    (listed,) = (await api.get("/v1/evals/runs", params={"limit": 5})).json()["runs"]
    assert listed["id"] == run["id"]
    assert listed["result"] is None  # large: only the run itself shows it


async def test_the_default_dataset_is_the_settings(api: httpx.AsyncClient, nightly: Nightly):
    assert (await api.post("/v1/evals/runs")).json()["dataset"] == "ragstone"
    assert nightly.wait(30)


async def test_a_second_run_is_refused(
    api: httpx.AsyncClient, nightly: Nightly, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(nightly, "_command", (sys.executable, "-c", "import time; time.sleep(60)"))
    assert (await api.post("/v1/evals/runs")).status_code == 202
    refused = await api.post("/v1/evals/runs")
    assert refused.status_code == 409
    assert refused.json()["code"] == "evaluation_busy"


async def test_an_unknown_run_is_404(api: httpx.AsyncClient):
    reply = await api.get("/v1/evals/runs/none")
    assert reply.status_code == 404
    assert reply.json()["code"] == "unknown_eval_run"


@pytest.mark.parametrize(
    "body", [{"dataset": "../../etc/passwd"}, {"dataset": "/var/x"}, {"dataset": ""}, {"other": 1}]
)
async def test_a_dataset_is_a_name_and_never_a_path(
    api: httpx.AsyncClient, body: dict[str, object]
):
    assert (await api.post("/v1/evals/runs", json=body)).status_code in (400, 422)
    assert (await api.get("/v1/evals/runs")).json() == {"runs": []}
