"""`ragstone docs` and `ragstone rm`: what a collection holds, and taking things out."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.options import AsJson, CollectionName, Port, Url, connect
from app.commands.output import console, fail, print_json, print_table, size

if TYPE_CHECKING:
    from app.client import Client
    from app.client.records import Document

PAGE = 100


def all_documents(
    client: "Client", collection: str, status: str | None = None
) -> Iterator["Document"]:
    """Yield every document of a collection, asking page after page."""
    cursor: str | None = None
    while True:
        page = client.documents(collection, status=status, limit=PAGE, cursor=cursor)
        yield from page["documents"]
        cursor = page.get("next_cursor")
        if not cursor:
            return


def docs(
    collection: CollectionName = "default",
    status: Annotated[
        str | None, typer.Option(help="pending, processing, completed or failed.")
    ] = None,
    url: Url = None,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """List the documents of a collection."""
    with connect(url, port) as client:
        found = list(all_documents(client, collection, status))
    if as_json:
        print_json(found)
    elif found:
        print_table(("name", "status", "size", "pages", "passages"), map(_row, found))
    else:
        console().print(f"{collection} holds no documents. Add some:  ragstone add FILE...")


def _row(document: "Document") -> tuple[object, ...]:
    error = document.get("error")
    name = document["name"] + (f"  ({error['message']})" if error else "")
    volume = size(document.get("size_bytes", 0))
    counts = (document.get("pages"), document.get("chunks"))
    return (name, document["status"], volume, *counts)


def rm(
    targets: Annotated[list[str], typer.Argument(help="Names or ids of documents.")],
    collection: CollectionName = "default",
    url: Url = None,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Remove documents: file, passages and index entries."""
    with connect(url, port) as client:
        known = list(all_documents(client, collection))
        doomed = [d for d in known if d["id"] in targets or d["name"] in targets]
        unknown = set(targets) - {d["id"] for d in doomed} - {d["name"] for d in doomed}
        if unknown:
            names = ", ".join(sorted(unknown))
            raise fail(
                f"{collection} has no document {names}; `ragstone docs` lists them. "
                "Nothing was removed"
            )
        for document in doomed:
            client.delete_document(collection, document["id"])
    if as_json:
        print_json([document["id"] for document in doomed])
    else:
        for document in doomed:
            console().print(f"removed {document['name']}  {document['id']}")
