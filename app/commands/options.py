"""Options that several commands share, and how they become settings or a client."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from app.client import Client
    from app.settings import Settings

Url = Annotated[
    str | None,
    typer.Option(help="Address of the running service.", envvar="RAGSTONE_URL", show_default=False),
]
Port = Annotated[
    int | None,
    typer.Option(help="Port of the service on this machine; default 8484.", min=0, max=65535),
]
DataDir = Annotated[
    Path | None, typer.Option(help="Folder of the catalogue, indexes and original files.")
]
CollectionName = Annotated[
    str, typer.Option("--collection", "-c", help="Collection to use.", envvar="RAGSTONE_COLLECTION")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def settings_of(**flags: Any) -> "Settings":
    """Return the settings with the given flags on top; None means that a flag is absent."""
    from app.settings import Settings

    return Settings(**{name: value for name, value in flags.items() if value is not None})


def service_url(url: str | None, port: int | None) -> str:
    """Return where the service is: `--url`, else this machine at `--port` or the set port."""
    if url and port is None:
        return url.rstrip("/")
    settings = settings_of(port=port)
    anywhere = settings.host in ("0.0.0.0", "::")  # noqa: S104  # listened on, so loopback is there
    host = "127.0.0.1" if anywhere else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def connect(url: str | None, port: int | None) -> "Client":
    """Return a client of the running service."""
    from app.client import Client

    return Client(service_url(url, port))
