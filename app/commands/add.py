"""`ragstone add`: upload files and wait until they can be asked about."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.files import NoSuchFiles, find_files
from app.commands.options import AsJson, CollectionName, Port, Url, connect
from app.commands.output import console, counted, fail, print_json

if TYPE_CHECKING:
    from rich.progress import Progress

    from app.client import Client
    from app.client.records import Accepted, Document

FILES_A_REQUEST = 16  # few are open at once, and the first are read while the next arrive
WEB = ("http://", "https://")


def add(
    targets: Annotated[
        list[str], typer.Argument(help="Files, folders, patterns like 'docs/*.pdf', or URLs.")
    ],
    collection: CollectionName = "default",
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Return once they are uploaded.")
    ] = False,
    url: Url = None,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Add documents, and wait until they are indexed."""
    links = [target for target in targets if target.startswith(WEB)]
    try:
        files = find_files(target for target in targets if target not in links)
    except NoSuchFiles as missing:
        raise fail(f"{missing}; nothing was added", 2) from missing
    with connect(url, port) as client, _bars(hidden=as_json) as bars:
        accepted = list(_upload(client, collection, files, bars))
        for link in links:
            accepted += client.add_url(collection, link)
        if not no_wait:
            _wait(client, accepted, bars)
        documents = [client.document(collection, one["id"]) for one in accepted]
    if as_json:
        print_json([{**one, **document} for one, document in zip(accepted, documents, strict=True)])
    else:
        _print(accepted, documents, waited=not no_wait)
    if any(document["status"] == "failed" for document in documents):
        raise typer.Exit(1)


def _bars(*, hidden: bool) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    text = TextColumn("{task.description}", markup=False)
    terminal = Console(stderr=True)
    return Progress(
        text,
        BarColumn(),
        MofNCompleteColumn(),
        console=terminal,
        transient=True,
        disable=hidden or not terminal.is_terminal,
    )


def _upload(
    client: "Client", collection: str, files: list[tuple[str, Path]], bars: "Progress"
) -> Iterator["Accepted"]:
    bar = bars.add_task("uploading", total=len(files))
    for start in range(0, len(files), FILES_A_REQUEST):
        some = files[start : start + FILES_A_REQUEST]
        yield from client.upload(collection, some)
        bars.advance(bar, len(some))


def _wait(client: "Client", accepted: list["Accepted"], bars: "Progress") -> None:
    """Follow each job in turn; the others go on meanwhile."""
    overall = bars.add_task("indexing", total=len(accepted))
    stage = bars.add_task("", total=None)
    for one in accepted:
        job_id = one.get("job_id")
        if job_id and not one.get("duplicate_of"):
            for event in client.job_events(job_id):
                job = event.data
                about = f"{one['name'][:40]}: {job.get('stage', '')}"
                total = job.get("total") or None
                bars.update(stage, description=about, completed=job.get("done", 0), total=total)
        bars.advance(overall)


def _print(accepted: list["Accepted"], documents: list["Document"], *, waited: bool) -> None:
    from rich.text import Text

    out = console()
    for one, document in zip(accepted, documents, strict=True):
        mark, style, about = _outcome(one, document)
        out.print(Text().append(f"{mark} ", style).append(f"{document['name']}  ").append(about))
    ready = sum(document["status"] == "completed" for document in documents)
    if waited and ready:
        out.print('\nNow ask:  ragstone ask "..."')
    elif not waited:
        out.print("\nFollow with:  ragstone jobs")


def _outcome(one: "Accepted", document: "Document") -> tuple[str, str, str]:
    """Return a mark, its colour, and a few words about what became of a document."""
    if document["status"] == "failed":
        error = document.get("error") or {"code": "failed", "message": "no reason given"}
        return "✗", "red", f"{error['message']} ({error['code']})"
    if duplicate := one.get("duplicate_of"):
        return "=", "yellow", f"has the same bytes as document {duplicate}, which stands already"
    if document["status"] != "completed":
        return "…", "cyan", f"{document['status']}, job {document.get('job_id')}"
    pages = document.get("pages")
    volume = [counted(pages, "page")] if pages else []
    volume.append(counted(document.get("chunks", 0), "passage"))
    return "✓", "green", ", ".join(volume)
