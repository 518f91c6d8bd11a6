"""`export`: the weights of a model as a GGUF file of one's own."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from backend.commands.errors import CommandFailed
from backend.commands.flags import exactly
from backend.commands.options import Words, connected
from backend.commands.progress import Progress, progress
from backend.commands.server import Server
from backend.models.modelfile import parse

STEP = 16 << 20
MAGIC = b"GGUF"


def export(
    words: Annotated[Words, typer.Argument(metavar="MODEL FILE", hidden=True)] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    link: Annotated[
        bool, typer.Option("--link", help="Link instead of copying: no room, but one content.")
    ] = False,
) -> None:
    """Write a model's weights to a GGUF file."""
    name, file = exactly(words, 2)
    with connected() as server:
        export_weights(server, name, Path(file), force=force, link=link)


def export_weights(
    server: Server, name: str, file: Path, *, force: bool = False, link: bool = False
) -> None:
    """Write the model's weights to `file`; raises CommandFailed.

    They are copied, since a program that changes the file in place would else change the stored
    model too; `link` makes a second name for the same bytes instead, which takes no room. A file
    that is there stays as it is without `force`.
    """
    if file.is_dir():
        file /= f"{name.rpartition('/')[2].replace(':', '-')}.gguf"
    if file.exists() and not force:
        raise CommandFailed(f"{file} is there already; --force overwrites it")
    blob = _blob(server, name)
    fresh = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        _fill(fresh, blob, link=link)
        _publish(fresh, file, force=force)
    except FileExistsError as error:
        raise CommandFailed(f"{file} is there already; --force overwrites it") from error
    except OSError as error:
        raise CommandFailed(f"couldn't write {file}: {error.strerror or error}") from error
    finally:
        fresh.unlink(missing_ok=True)
    print(f"exported '{name}' to '{file}'")


def _blob(server: Server, name: str) -> Path:
    """The file with the weights, as the server's Modelfile names it."""
    text = str(server.post("/api/show", {"model": name}).get("modelfile", ""))
    first, *more = parse(text.encode()).values("from")
    blob = Path(first)
    if not blob.is_absolute() or not blob.is_file():
        raise CommandFailed(
            f"the weights of {name} are not on this machine ({first} at {server.url}); "
            "export it where the server runs"
        )
    with blob.open("rb") as opened:
        if opened.read(len(MAGIC)) != MAGIC:
            raise CommandFailed(f"the weights of {name} are not in a GGUF file")
    if more:
        print(f"the model has a projector too, which stays in {', '.join(more)}", file=sys.stderr)
    return blob


def _fill(fresh: Path, blob: Path, *, link: bool) -> None:
    if link:
        os.link(blob, fresh)
        return
    with blob.open("rb") as source, fresh.open("xb") as target, progress() as display:
        _copy(source, target, display)
        target.flush()
        os.fsync(target.fileno())


def _copy(source: BinaryIO, target: BinaryIO, display: Progress) -> None:
    total = os.fstat(source.fileno()).st_size
    done = 0
    while part := source.read(STEP):
        target.write(part)
        done += len(part)
        display.show({"status": "exporting", "digest": "", "total": total, "completed": done})


def _publish(fresh: Path, file: Path, *, force: bool) -> None:
    if force:
        fresh.replace(file)
        return
    try:
        os.link(fresh, file)  # unlike a rename, it fails where somebody made the file meanwhile
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        with file.open("xb"):
            shutil.move(fresh, file)
