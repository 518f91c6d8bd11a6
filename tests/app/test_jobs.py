"""Jobs over HTTP: progress, events, cancel."""

import asyncio
import json

import httpx
import pytest
from httpx_sse import EventSource

from app.routers.jobs import follow
from app.wiring import Services
from storage.records import JobStage
from tests.app.test_documents import DOCUMENTS, complaints, finished, ingest, upload

LONG = "Many words make a long document. " * 6000


async def test_a_job_is_shown_and_listed(api: httpx.AsyncClient) -> None:
    [accepted] = await upload(api, ("a.txt", "words"))
    job = await finished(api, accepted["job_id"])
    assert (job["document_id"], job["collection"], job["attempts"]) == (
        accepted["id"],
        "default",
        1,
    )
    assert (job["stage"], job["error"]) == ("done", None)
    listed = (await api.get("/v1/jobs", params={"state": "succeeded"})).json()["jobs"]
    assert listed == [job]
    assert (await api.get("/v1/jobs", params={"state": "failed"})).json()["jobs"] == []


async def test_events_run_until_the_job_is_final(api: httpx.AsyncClient) -> None:
    [accepted] = await upload(api, ("a.txt", LONG))
    async with asyncio.timeout(60):
        async with api.stream("GET", f"/v1/jobs/{accepted['job_id']}/events") as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            source = EventSource(response).aiter_sse()
            events = [(event.event, json.loads(event.data)) async for event in source]
    assert events[-1][0] == "done"
    assert events[-1][1]["state"] == "succeeded"
    assert {name for name, _ in events[:-1]} <= {"progress"}


async def test_events_show_each_change(services: Services) -> None:
    services.worker.stop()
    jobs, documents = services.catalogue.jobs, services.catalogue.documents
    collection = services.catalogue.collections.get("default")
    document = documents.add(collection, "a.txt", "text/plain", 1, "a" * 64)
    assert document.job_id
    events = aiter(follow(services.catalogue, document.job_id))

    async def following() -> tuple[str, str, int]:
        event = await asyncio.wait_for(anext(events), 30)
        return event.event, event.data["state"], event.data["done"]

    assert await following() == ("progress", "queued", 0)
    jobs.start(document.job_id)
    assert await following() == ("progress", "running", 0)
    jobs.progress(document.job_id, JobStage.EMBEDDING, 7, 9)
    assert await following() == ("progress", "running", 7)
    documents.delete(document.id)
    assert await following() == ("done", "cancelled", 7)
    assert [event async for event in events] == []


async def test_events_of_a_finished_job_are_one(api: httpx.AsyncClient) -> None:
    [accepted] = await upload(api, ("a.txt", "words"))
    await finished(api, accepted["job_id"])
    response = await api.get(f"/v1/jobs/{accepted['job_id']}/events")
    assert response.text.startswith("event: done\ndata: {")
    assert response.text.count("event:") == 1


@pytest.mark.parametrize("rest", ["", "/events"])
async def test_an_unknown_job_is_404(api: httpx.AsyncClient, rest: str) -> None:
    response = await api.get(f"/v1/jobs/nothing{rest}")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_job")
    assert (await api.post("/v1/jobs/nothing/cancel")).status_code == 404


async def test_a_cancelled_job_fails_its_document(
    api: httpx.AsyncClient, services: Services
) -> None:
    services.worker.stop()  # so that it is certain to be waiting still
    [accepted] = await upload(api, ("a.txt", "words"))
    job = (await api.post(f"/v1/jobs/{accepted['job_id']}/cancel")).json()
    assert job["state"] == "cancelled"
    document = (await api.get(f"{DOCUMENTS}/{accepted['id']}")).json()
    assert (document["status"], document["error"]["code"]) == ("failed", "cancelled")
    services.worker.start()
    await ingest(api, "b.txt", "other words")
    assert (await api.get(f"/v1/jobs/{accepted['job_id']}")).json()["state"] == "cancelled"
    assert complaints(services) == []


async def test_cancelling_a_finished_job_changes_nothing(api: httpx.AsyncClient) -> None:
    [accepted] = await upload(api, ("a.txt", "words"))
    await finished(api, accepted["job_id"])
    job = (await api.post(f"/v1/jobs/{accepted['job_id']}/cancel")).json()
    assert job["state"] == "succeeded"


async def test_deleting_a_document_ends_its_job(api: httpx.AsyncClient, services: Services) -> None:
    [accepted] = await upload(api, ("a.txt", LONG))
    assert (await api.delete(f"{DOCUMENTS}/{accepted['id']}")).status_code == 204
    await ingest(api, "b.txt", "other words")
    assert (await api.get(f"/v1/jobs/{accepted['job_id']}")).status_code == 404
    assert complaints(services) == []
