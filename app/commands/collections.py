"""`ragstone collections`: list, make and remove collections."""

from typing import Annotated

import typer

from app.commands.options import AsJson, Port, Url, connect
from app.commands.output import console, counted, print_json, print_table

app = typer.Typer(help="List, make and remove collections.")


@app.callback(invoke_without_command=True)
def collections(
    context: typer.Context, url: Url = None, port: Port = None, as_json: AsJson = False
) -> None:
    """List the collections."""
    if context.invoked_subcommand:
        return
    with connect(url, port) as client:
        found = client.collections()
    if as_json:
        print_json(found)
    else:
        rows = [(c["name"], c.get("documents"), c.get("description")) for c in found]
        print_table(("name", "documents", "description"), rows)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Letters, digits, dot, dash, underscore.")],
    description: Annotated[str | None, typer.Option(help="A sentence about it.")] = None,
    url: Url = None,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Make a collection."""
    with connect(url, port) as client:
        made = client.create_collection(name, description)
    if as_json:
        print_json(made)
    else:
        console().print(f"made {made['name']}. Add documents:  ragstone add -c {name} FILE...")


@app.command()
def rm(
    name: Annotated[str, typer.Argument(help="The collection's name.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = None,
    port: Port = None,
) -> None:
    """Remove a collection with all its documents."""
    with connect(url, port) as client:
        count = client.collection(name).get("documents", 0)
        if not yes:
            typer.confirm(f"Remove {name} with its {counted(count, 'document')}?", abort=True)
        client.delete_collection(name)
    console().print(f"removed {name}")
