"""/v1/jobs: how far documents are on their way."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from app.deps import CatalogueDep, RemovalDep
from app.document_shape import job_json
from app.sse import ServerEvent, event_stream
from storage.catalogue import Catalogue
from storage.errors import UnknownJob
from storage.records import JobState

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

FINAL = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
LOOK_SECONDS = 0.2


@router.get("")
def list_some(
    catalogue: CatalogueDep,
    state: JobState | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> dict[str, Any]:
    """List jobs, newest first."""
    return {"jobs": [job_json(job) for job in catalogue.jobs.list(state, limit)]}


@router.get("/{job_id}")
def get(job_id: str, catalogue: CatalogueDep) -> dict[str, Any]:
    """Look at one job."""
    return job_json(catalogue.jobs.get(job_id))


@router.get("/{job_id}/events", response_class=StreamingResponse)
async def events(job_id: str, catalogue: CatalogueDep) -> StreamingResponse:
    """Follow a job: a `progress` event for each change, a last one named `done`."""
    return await event_stream(follow(catalogue, job_id))


async def follow(catalogue: Catalogue, job_id: str) -> AsyncIterator[ServerEvent]:
    """Yield the job at each change until it is final, or gone with its document."""
    job = await asyncio.to_thread(catalogue.jobs.get, job_id)
    while job.state not in FINAL:
        yield ServerEvent("progress", job_json(job))
        seen = job
        while job == seen:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                job = await asyncio.to_thread(catalogue.jobs.get, job_id)
            except UnknownJob:  # its document was deleted, and the job with it
                yield ServerEvent("done", {**job_json(seen), "state": JobState.CANCELLED})
                return
    yield ServerEvent("done", job_json(job))


@router.post("/{job_id}/cancel")
def cancel(job_id: str, catalogue: CatalogueDep, removal: RemovalDep) -> dict[str, Any]:
    """Cancel a job that has not ended; one that has stays as it is."""
    job = catalogue.jobs.cancel(job_id)
    removal.sweep()
    return job_json(job)
