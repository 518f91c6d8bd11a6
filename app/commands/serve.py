"""`ragstone serve`: the whole service in one go, and what to type next."""

import logging
import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.client import DEFAULT_URL
from app.commands.options import DataDir, settings_of
from app.commands.output import console

if TYPE_CHECKING:
    from app.settings import Settings

KEEP_ALIVE_SECONDS = 30  # clients give an idle connection up first (httpx after 5 s): no race
SECONDS_TO_FINISH = 10  # of requests that still run when the service is told to stop


def serve(  # each argument is a flag of the command
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 lets the system choose.")] = None,
    data_dir: DataDir = None,
    models_dir: Annotated[Path | None, typer.Option(help="Folder of the models.")] = None,
    model: Annotated[str | None, typer.Option(help="Language model that answers.")] = None,
    ollama_url: Annotated[str | None, typer.Option(help="Ollama to use, not the bundled.")] = None,
    chroma_url: Annotated[str | None, typer.Option(help="Chroma server to use.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every request.")] = False,
) -> None:
    """Run the service: API, worker and, where none is set, the bundled model server."""
    settings = settings_of(
        host=host,
        port=port,
        data_dir=data_dir,
        models_dir=models_dir,
        model=model,
        ollama_url=ollama_url,
        chroma_url=chroma_url,
    )
    log_to_stderr(verbose=verbose)
    run_service(settings, verbose=verbose)


def log_to_stderr(*, verbose: bool) -> None:
    """Send Ragstone's own log to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log = logging.getLogger("ragstone")
    log.addHandler(handler)
    log.setLevel(logging.DEBUG if verbose else logging.INFO)


def run_service(settings: "Settings", *, verbose: bool) -> None:
    """Listen, build, serve until told to stop.

    The port comes first, since that refusal is quick; typed errors of building come to the
    command line as sentences.
    """
    from app.commands.listen import listen

    check_models(settings)
    with listen(settings.host, settings.port) as bound:
        _serve(settings, bound, verbose=verbose)


def _serve(settings: "Settings", bound: socket.socket, *, verbose: bool) -> None:
    import uvicorn

    from app.main import create_app
    from app.wiring import build_services

    services = build_services(settings)

    class Announced(uvicorn.Server):
        """A server that says so when it answers."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                address = service_address(bound)
                services.listens_at(address)
                announce(services.description(), address)

    config = uvicorn.Config(
        create_app(settings, services),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        log_level="info" if verbose else "warning",
        access_log=verbose,
        lifespan="on",
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    server = Announced(config)
    server.run(sockets=[bound])
    if not server.started:
        raise typer.Exit(3)


def check_models(settings: "Settings") -> None:
    """Say early that the bundled models are missing, rather than at the first question."""
    from app.errors import BackendNotStarted

    if settings.embedding_model is None and not (settings.models_dir / "embedding").is_dir():
        raise BackendNotStarted(
            f"There are no models in {settings.models_dir}. Put them in place with `make setup`, "
            "or say where they are with RAGSTONE_MODELS_DIR."
        )


def service_address(bound: socket.socket) -> str:
    """Return the URL at which this machine reaches the socket."""
    host, port = bound.getsockname()[:2]
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  # how to reach it
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _as_started() -> str:
    """Return what to type for this same program where `ragstone` is not on the PATH."""
    program = Path(sys.argv[0])
    return "python -m app" if program.name == "__main__.py" else str(program)


def announce(runs: dict[str, Any], address: str) -> None:
    """Print where the service answers, where data lies, which models run, what to type."""
    command = "ragstone" if shutil.which("ragstone") else _as_started()
    where = "" if address == DEFAULT_URL else f" --url {address}"
    where = where.replace("--url http://127.0.0.1:", "--port ")
    out = console()
    out.print(f"\nRagstone {runs['version']} answers at {address}", style="bold green")
    out.print(f"  documents   {runs['data_dir']}")
    out.print(f"  answers     {runs['model']} at {runs['ollama']['url']}")
    out.print(f"              ({runs['ollama']['chosen']})", style="dim")
    out.print(f"  embeddings  {runs['embedding_model']}")
    out.print(f"  API         {address}/docs")
    out.print("\nNow, in another terminal:", style="bold")
    out.print(f"  {command} add{where} YOUR-FILE.pdf")
    out.print(f'  {command} ask{where} "..."')
    out.print("\nStop with Ctrl-C.\n", style="dim")
    sys.stdout.flush()
