"""The table of requests: one pure function for each route of the native API.

Each returns a `Call`, which says what to send; `Call[T]` answers with JSON of type T.
Nothing here touches the network, so the blocking and the asynchronous client share it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypedDict, TypeVar
from urllib.parse import quote

from app.client import records

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request. `pick` names the one field of the reply that is the result, if not all of it."""

    method: str
    path: str
    params: dict[str, Any] = field(default_factory=dict)
    json: Any = None
    files: tuple[tuple[str, Path], ...] = ()
    """(name to give, file to read): sent as multipart fields `files`, streamed from disk."""
    pick: str | None = None
    also_good: tuple[int, ...] = ()
    """Error statuses whose body is a result all the same."""


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _collection(name: str, rest: str = "") -> str:
    return f"/v1/collections/{quote(name, safe='')}{rest}"


def _document(collection: str, document_id: str, rest: str = "") -> str:
    return _collection(collection, f"/documents/{quote(document_id, safe='')}{rest}")


# collections


def collections() -> Call[list[records.Collection]]:
    """List every collection."""
    return Call("GET", "/v1/collections", pick="collections")


def collection(name: str) -> Call[records.Collection]:
    """One collection."""
    return Call("GET", _collection(name))


def create_collection(name: str, description: str | None = None) -> Call[records.Collection]:
    """Make a collection."""
    return Call("POST", "/v1/collections", json=_given(name=name, description=description))


def delete_collection(name: str) -> Call[None]:
    """Remove a collection and everything in it."""
    return Call("DELETE", _collection(name))


# documents


def upload(
    collection: str, files: Sequence[Path | tuple[str, Path]]
) -> Call[list[records.Accepted]]:
    """Upload files, streamed from disk; a (name, path) pair gives the file another name."""
    named = tuple(f if isinstance(f, tuple) else (f.name, f) for f in files)
    return Call("POST", _collection(collection, "/documents"), files=named, pick="documents")


def add_text(collection: str, title: str, text: str) -> Call[list[records.Accepted]]:
    """Add a text as a document."""
    body = {"title": title, "text": text}
    return Call("POST", _collection(collection, "/documents"), json=body, pick="documents")


def add_url(collection: str, url: str) -> Call[list[records.Accepted]]:
    """Add what lies at a URL as a document."""
    return Call("POST", _collection(collection, "/documents"), json={"url": url}, pick="documents")


def documents(
    collection: str = "default",
    status: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[records.DocumentPage]:
    """List documents, a page at a time."""
    params = _given(status=status, limit=limit, cursor=cursor)
    return Call("GET", _collection(collection, "/documents"), params=params)


def document(collection: str, document_id: str) -> Call[records.Document]:
    """One document."""
    return Call("GET", _document(collection, document_id))


def delete_document(collection: str, document_id: str) -> Call[None]:
    """Remove a document: file, chunks, vectors and keyword rows."""
    return Call("DELETE", _document(collection, document_id))


def document_chunks(collection: str, document_id: str) -> Call[dict[str, Any]]:
    """The chunks of a document."""
    return Call("GET", _document(collection, document_id, "/chunks"))


# jobs


def jobs(state: str | None = None, limit: int | None = None) -> Call[list[records.Job]]:
    """List jobs, newest first."""
    return Call("GET", "/v1/jobs", params=_given(state=state, limit=limit), pick="jobs")


def job(job_id: str) -> Call[records.Job]:
    """One job."""
    return Call("GET", f"/v1/jobs/{quote(job_id, safe='')}")


def cancel_job(job_id: str) -> Call[records.Job]:
    """Cancel a job that has not finished."""
    return Call("POST", f"/v1/jobs/{quote(job_id, safe='')}/cancel")


def job_events(job_id: str) -> Call[records.Event]:
    """Follow a job until it is final; each event's data is the job."""
    return Call("GET", f"/v1/jobs/{quote(job_id, safe='')}/events")


# questions


def search(
    query: str,
    collection: str = "default",
    top_k: int | None = None,
    mode: str | None = None,
    filters: records.Filters | None = None,
) -> Call[list[records.Passage]]:
    """Retrieve passages; `mode` is hybrid, dense or keyword."""
    body = _given(query=query, top_k=top_k, mode=mode, filters=filters)
    return Call("POST", _collection(collection, "/search"), json=body, pick="passages")


class QueryOptions(TypedDict, total=False):
    """How a question is to be answered; what is absent is the service's default."""

    collection: str | None
    top_k: int | None
    mode: str | None
    strategy: str | None
    model: str | None
    filters: records.Filters | None


def _question(question: str, options: QueryOptions | None, *, stream: bool) -> dict[str, Any]:
    return _given(question=question, **(options or {}), stream=stream)


def query(question: str, options: QueryOptions | None = None) -> Call[records.Answer]:
    """Ask, and get the whole answer at once."""
    return Call("POST", "/v1/query", json=_question(question, options, stream=False))


def query_events(question: str, options: QueryOptions | None = None) -> Call[records.Event]:
    """Ask, and follow: `sources`, `token`, `sentence`, and last `answer`."""
    return Call("POST", "/v1/query", json=_question(question, options, stream=True))


def models() -> Call[list[dict[str, Any]]]:
    """Collections and the backend's models, as the OpenAI-shaped list."""
    return Call("GET", "/v1/models", pick="data")


# evaluation


def eval_runs(limit: int | None = None) -> Call[list[records.EvalRun]]:
    """List evaluation runs, newest first."""
    return Call("GET", "/v1/evals/runs", params=_given(limit=limit), pick="runs")


def eval_run(run_id: str) -> Call[records.EvalRun]:
    """One evaluation run with its result."""
    return Call("GET", f"/v1/evals/runs/{quote(run_id, safe='')}")


def start_eval(dataset: str | None = None) -> Call[records.EvalRun]:
    """Start an evaluation run in the service."""
    return Call("POST", "/v1/evals/runs", json=_given(dataset=dataset))


# the service itself


def health() -> Call[dict[str, Any]]:
    """Whether the service is alive."""
    return Call("GET", "/health")


def ready() -> Call[dict[str, Any]]:
    """Each part's state; `ready` is true when a question can be answered now."""
    return Call("GET", "/health/ready", also_good=(503,))


def info() -> Call[dict[str, Any]]:
    """What runs there: version, models, where data lies, which engines."""
    return Call("GET", "/v1/info")


def doctor() -> Call[dict[str, Any]]:
    """Compare catalogue, indexes and files."""
    return Call("GET", "/v1/doctor")


def doctor_fix() -> Call[dict[str, Any]]:
    """Rebuild from the catalogue what is off."""
    return Call("POST", "/v1/doctor/fix")
