"""Arguments and flags that several commands share, and the server they speak to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from backend.commands.server import Server

Words = list[str] | None
Model = Annotated[Words, typer.Argument(metavar="MODEL", hidden=True)]
Models = Annotated[Words, typer.Argument(metavar="MODEL [MODEL...]", hidden=True)]
Pair = Annotated[Words, typer.Argument(metavar="SOURCE DESTINATION", hidden=True)]
Prefix = Annotated[Words, typer.Argument(metavar="[PREFIX]", hidden=True)]
Insecure = Annotated[bool, typer.Option("--insecure", help="Use an insecure registry.")]
Quantize = Annotated[
    str, typer.Option("--quantize", "-q", help="Quantize to this type, e.g. q4_K_M.")
]


@contextmanager
def connected() -> Iterator[Server]:
    """The server at OLLAMA_HOST, after it answered; raises NoServer."""
    with Server() as server:
        server.check()
        yield server
