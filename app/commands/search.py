"""`ragstone search`: the passages that a question would find."""

from typing import Annotated

import typer

from app.commands.filters import After, Before, OnlyDocument, OnlyType, filters_of
from app.commands.options import AsJson, CollectionName, Port, Url, connect
from app.commands.output import console, print_json


def search(  # each argument is a flag of the command
    query: Annotated[list[str], typer.Argument(help="What to look for.")],
    collection: CollectionName = "default",
    top_k: Annotated[int | None, typer.Option(help="How many passages.", min=1, max=50)] = None,
    mode: Annotated[str | None, typer.Option(help="hybrid, dense or keyword.")] = None,
    document: OnlyDocument = None,
    media_type: OnlyType = None,
    after: After = None,
    before: Before = None,
    url: Url = None,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Find passages, without asking the language model."""
    filters = filters_of(document, media_type, after, before)
    with connect(url, port) as client:
        passages = client.search(
            " ".join(query), collection, top_k=top_k, mode=mode, filters=filters
        )
    if as_json:
        print_json(passages)
        return
    from rich.text import Text

    out = console()
    for number, passage in enumerate(passages, start=1):
        page = passage.get("page")
        line = Text().append(f"{number:>3}  ", "bold").append(passage["document_name"], "cyan")
        line.append(f"{f', page {page}' if page else ''}  score {passage['score']:.3f}\n")
        out.print(line.append("     " + " ".join(passage["text"].split())[:400]))
    if not passages:
        out.print("nothing found")
