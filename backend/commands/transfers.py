"""`pull` and `push`."""

from backend.commands.errors import CommandFailed, Refused
from backend.commands.flags import exactly
from backend.commands.options import Insecure, Model, connected
from backend.commands.progress import progress, show_all
from backend.commands.server import Server
from backend.models.names import DEFAULT_HOST, ModelName

_LIBRARY_HOSTS = (DEFAULT_HOST, "ollama.com")
_DENIED = ("access denied", "unauthorized")


def pull(model: Model = None, insecure: Insecure = False) -> None:
    """Pull a model from a registry."""
    (name,) = exactly(model, 1)
    with connected() as server:
        pull_model(server, name, insecure=insecure)


def push(model: Model = None, insecure: Insecure = False) -> None:
    """Push a model to a registry."""
    (name,) = exactly(model, 1)
    with connected() as server:
        push_model(server, name, insecure=insecure)


def pull_model(server: Server, name: str, *, insecure: bool = False) -> None:
    """Let the server fetch a model, with progress."""
    with progress() as display:
        body = {"model": name, "insecure": insecure, "stream": True}
        show_all(display, server.stream("/api/pull", body))


def push_model(server: Server, name: str, *, insecure: bool = False) -> None:
    """Let the server send a model to its registry, and say where it then is."""
    body = {"model": name, "insecure": insecure, "stream": True}
    try:
        with progress() as display:
            show_all(display, server.stream("/api/push", body))
    except Refused as refusal:
        if any(word in str(refusal).lower() for word in _DENIED):
            raise CommandFailed(
                "you are not authorized to push to this namespace, "
                "create the model under a namespace you own"
            ) from refusal
        raise
    print(f"\nYou can find your model at:\n\n\t{_place(ModelName.parse(name))}")


def _place(name: ModelName) -> str:
    if name.host not in _LIBRARY_HOSTS:
        return str(name)
    return f"https://ollama.com/{str(name).removesuffix(':latest')}"
