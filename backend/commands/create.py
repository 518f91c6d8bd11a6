"""`create`: a Modelfile, and the files it names, become a model at the server."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from backend.commands.components import Components, components, files_at, named
from backend.commands.errors import CommandFailed
from backend.commands.flags import exactly
from backend.commands.options import Model, Quantize, Words, connected
from backend.commands.progress import progress, show_all
from backend.commands.server import Server
from backend.commands.uploads import upload_all
from backend.errors import InvalidName
from backend.models.modelfile import parse
from backend.models.names import ModelName

DEFAULT_FILE = "Modelfile"
STDIN = "-"
NOT_FOUND = "specified Modelfile wasn't found"


def create(
    model: Model = None,
    file: Annotated[
        str, typer.Option("--file", "-f", help='The Modelfile (default "Modelfile"); "-" is stdin.')
    ] = "",
    quantize: Quantize = "",
) -> None:
    """Create a model from a Modelfile."""
    (name,) = exactly(model, 1)
    check_name(name)
    with connected() as server:
        raw, folder = modelfile_bytes(file)
        make_model(server, name, components(parse(raw), folder), quantize)


def import_(
    words: Annotated[Words, typer.Argument(metavar="FILE MODEL", hidden=True)] = None,
    quantize: Quantize = "",
) -> None:
    """Make a model of a GGUF file, or of a folder with a model in it."""
    path, name = exactly(words, 2)
    check_name(name)
    file = Path(path)
    if not file.exists():
        raise CommandFailed(f"{file}: no such file or directory")
    with connected() as server:
        make_model(server, name, Components(files=named(files_at(file))), quantize)


def make_model(server: Server, name: str, parts: Components, quantize: str = "") -> None:
    """Upload the files and have the server put the model together; raises CommandFailed."""
    with progress() as display:
        display.show({"status": "gathering model components"})
        body = parts.body | {"model": name, "stream": True}
        for role in ("files", "adapters", "draft_files"):
            if files := getattr(parts, role):
                body[role] = upload_all(server, files, display)
        if quantize:
            body["quantize"] = quantize
        show_all(display, server.stream("/api/create", body))


def check_name(name: str) -> None:
    """Return for a name that a model may have; raises CommandFailed."""
    try:
        ModelName.parse(name)
    except InvalidName as error:
        raise CommandFailed(f"invalid model name: {name}") from error


def modelfile_bytes(file: str) -> tuple[bytes, Path]:
    """The Modelfile, and the folder that its paths start from; raises CommandFailed."""
    if file == STDIN:
        return sys.stdin.buffer.read(), Path()
    path = Path(file or DEFAULT_FILE)
    try:
        return path.read_bytes(), path.parent
    except FileNotFoundError as error:
        if not file and _holds_a_model(Path()):
            return b"FROM .\n", Path()
        raise CommandFailed(NOT_FOUND) from error
    except OSError as error:
        raise CommandFailed(f"couldn't read {path}: {error.strerror}") from error


def _holds_a_model(folder: Path) -> bool:
    try:
        return bool(files_at(folder))
    except CommandFailed:
        return False
