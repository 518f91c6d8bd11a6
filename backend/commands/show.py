"""`show`: the whole card of a model, or one text of it."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from backend.commands.errors import CommandFailed
from backend.commands.flags import exactly
from backend.commands.model_card import model_card
from backend.commands.options import Model, connected
from backend.commands.server import Server
from backend.commands.terminal import harmless

PARTS = ("license", "modelfile", "parameters", "system", "template")
_ENDS = {"system": "", "template": ""}


def show(
    model: Model = None,
    license_: Annotated[bool, typer.Option("--license", help="Show the licence.")] = False,
    modelfile: Annotated[bool, typer.Option("--modelfile", help="Show the Modelfile.")] = False,
    parameters: Annotated[bool, typer.Option("--parameters", help="Show the parameters.")] = False,
    system: Annotated[bool, typer.Option("--system", help="Show the system message.")] = False,
    template: Annotated[bool, typer.Option("--template", help="Show the template.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show all there is.")] = False,
) -> None:
    """Show information about a model."""
    (name,) = exactly(model, 1)
    asked = (license_, modelfile, parameters, system, template)
    parts = [part for part, wanted in zip(PARTS, asked, strict=True) if wanted]
    with connected() as server:
        show_model(server, name, parts, verbose=verbose)


def show_model(
    server: Server, name: str, parts: Sequence[str] = (), *, verbose: bool = False
) -> None:
    """Print the one asked part of a model, or its card; raises CommandFailed for two parts."""
    if len(parts) > 1:
        flags = ", ".join(f"'--{part}'" for part in PARTS[:-1])
        raise CommandFailed(f"only one of {flags}, or '--{PARTS[-1]}' can be specified")
    shown = server.post("/api/show", {"model": name, "verbose": verbose})
    if parts:
        sys.stdout.write(harmless(str(shown.get(parts[0], ""))) + _ENDS.get(parts[0], "\n"))
    else:
        sys.stdout.write(harmless(model_card(shown, verbose=verbose)))
