"""Putting a document into the app and asking about it, as a client does."""

import httpx

from app.wiring import Services
from storage.records import JobState


async def upload(api: httpx.AsyncClient, services: Services, name: str, text: str) -> str:
    """Upload a text, wait until it answers, return its document id."""
    files = {"files": (name, text.encode())}
    accepted = await api.post("/v1/collections/default/documents", files=files)
    assert accepted.status_code == 202, accepted.text
    (document,) = accepted.json()["documents"]
    await api.get(f"/v1/jobs/{document['job_id']}/events", timeout=30)  # ends with the job
    job = services.catalogue.jobs.get(document["job_id"])
    assert job.state is JobState.SUCCEEDED, job.error
    return str(document["id"])


async def ask(api: httpx.AsyncClient, question: str, **options: object) -> httpx.Response:
    """Ask a question of the default collection."""
    return await api.post("/v1/query", json={"question": question, **options}, timeout=60)
