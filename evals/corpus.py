"""Puts documents into a collection of the service and waits until they can be asked about."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from app.client import Client, ServiceError
from app.client.records import Accepted, Document
from evals.dataset import Dataset
from evals.errors import CorpusError

PER_REQUEST = 100  # documents in one multipart request
POLL_SECONDS = 0.2

Progress = Callable[[int, int], None]
"""Called with documents ready and documents in all."""


def collection_of(dataset: Dataset) -> str:
    """Return the name of the dataset's collection; other documents, another name."""
    return f"eval-{dataset.name}-{dataset.corpus_version[:8]}"


def ensure(client: Client, dataset: Dataset, progress: Progress) -> str:
    """Load the dataset's documents unless they are there already; return the collection."""
    name = collection_of(dataset)
    open_collection(client, name, f"documents of the evaluation dataset {dataset.name}")
    ready = {d["name"] for d in documents(client, name) if d["status"] == "completed"}
    missing = [path for path in dataset.corpus if path.name not in ready]
    upload_all(client, name, missing, progress)
    return name


def open_collection(client: Client, name: str, description: str) -> None:
    """Make the collection unless it exists."""
    try:
        client.collection(name)
    except ServiceError as exc:
        if exc.status != 404:
            raise
        client.create_collection(name, description)


def documents(client: Client, collection: str) -> Iterator[Document]:
    """Yield every document of a collection."""
    cursor: str | None = None
    while True:
        page = client.documents(collection, limit=200, cursor=cursor)
        yield from page["documents"]
        cursor = page.get("next_cursor")
        if not cursor:
            return


def upload_all(
    client: Client,
    collection: str,
    files: Sequence[Path | tuple[str, Path]],
    progress: Progress,
) -> None:
    """Upload files, many in a request, and wait for all; CorpusError names the first refused.

    A (name, path) pair gives the file another name.
    """
    accepted: list[Accepted] = []
    for start in range(0, len(files), PER_REQUEST):
        accepted += client.upload(collection, list(files[start : start + PER_REQUEST]))
    for done, document in enumerate(accepted):
        progress(done, len(files))
        _wait(client, collection, document)
    if files:
        progress(len(files), len(files))


def _wait(client: Client, collection: str, accepted: Accepted) -> None:
    document_id = accepted.get("duplicate_of") or accepted["id"]
    while True:
        document = client.document(collection, document_id)
        if document["status"] == "completed":
            return
        if document["status"] == "failed":
            fault = document.get("error") or {"code": "failed", "message": "no reason given"}
            raise CorpusError(
                f"{accepted['name']} could not be taken in: {fault['message']} ({fault['code']})"
            )
        time.sleep(POLL_SECONDS)
