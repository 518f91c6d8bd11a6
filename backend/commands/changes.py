"""`cp`, `rm` and `stop`."""

import sys
from collections.abc import Sequence

from backend.commands.errors import CommandFailed, Refused
from backend.commands.flags import at_least, exactly
from backend.commands.options import Model, Models, Pair, connected
from backend.commands.server import Server


def cp(names: Pair = None) -> None:
    """Copy a model."""
    source, destination = exactly(names, 2)
    with connected() as server:
        copy_model(server, source, destination)


def rm(models: Models = None) -> None:
    """Remove models."""
    names = at_least(models, 1)
    with connected() as server:
        remove_models(server, names)


def stop(model: Model = None) -> None:
    """Stop a running model."""
    (name,) = exactly(model, 1)
    with connected() as server:
        stop_model(server, name)


def copy_model(server: Server, source: str, destination: str) -> None:
    """Give a model a second name."""
    server.post("/api/copy", {"source": source, "destination": destination})
    print(f"copied '{source}' to '{destination}'")


def remove_models(server: Server, names: Sequence[str]) -> None:
    """Remove each model, unloading it first; the first that fails ends it."""
    for name in names:
        try:
            unload(server, name)
        except Refused as refusal:
            if not refusal.not_found:
                print(f"Warning: unable to stop model '{name}'", file=sys.stderr)
        server.delete("/api/delete", {"model": name})
        print(f"deleted '{name}'")


def stop_model(server: Server, name: str) -> None:
    """Unload a model."""
    try:
        unload(server, name)
    except Refused as refusal:
        if refusal.not_found:
            raise CommandFailed(f'couldn\'t find model "{name}" to stop') from refusal
        raise


def unload(server: Server, name: str) -> None:
    """Let the model go as soon as it is idle; raises Refused."""
    server.post("/api/generate", {"model": name, "keep_alive": 0, "stream": False})
