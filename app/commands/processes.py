"""`ragstone backend` and `ragstone worker`: one part of the service alone."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from app.commands.options import DataDir, settings_of
from app.commands.output import fail

NO_OLLAMA = "http://127.0.0.1:9"


class BackendCommand(TyperCommand):
    """Adds the backend's own table of variables to the help, read only when it is asked for."""

    def format_help(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Print the usual help, then what the environment can set."""
        from backend.environment import help_text

        super().format_help(ctx, formatter)
        print(help_text())


def backend(
    host: Annotated[str | None, typer.Option(help="Address; or OLLAMA_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port, default 11434.")] = None,
    models_dir: Annotated[Path | None, typer.Option(help="Folder of the models.")] = None,
) -> None:
    """Run the bundled Ollama-compatible model server alone."""
    settings = settings_of(models_dir=models_dir)
    if host is not None or port is not None:
        shown = f"[{host}]" if host and ":" in host else host or "127.0.0.1"
        os.environ["OLLAMA_HOST"] = f"{shown}:{11434 if port is None else port}"
    if models_dir is not None or "OLLAMA_MODELS" not in os.environ:
        os.environ["OLLAMA_MODELS"] = str(settings.models_dir / "ollama")
    os.environ["RAGSTONE_MODELS_DIR"] = str(settings.models_dir)
    # this process becomes the backend, so that signals and the exit code are its own
    os.execv(sys.executable, [sys.executable, "-m", "backend"])  # noqa: S606


ONE_OWNER = (
    "{error} The service in that process has a worker inside, and the embedded indexes take one "
    "process only; a worker alone is for a folder on which no service runs."
)


def worker(data_dir: DataDir = None) -> None:
    """Run a worker alone: it indexes what is waiting, while no service runs on the folder."""
    import asyncio
    import signal
    import threading

    from app.commands.serve import check_models, log_to_stderr
    from app.wiring import build_services
    from storage.errors import DataFolderLocked

    # a worker asks no language model, so none is started for it
    settings = settings_of(data_dir=data_dir, ollama_url=NO_OLLAMA)
    check_models(settings)
    log_to_stderr(verbose=False)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        services = build_services(settings)
    except DataFolderLocked as error:
        raise fail(ONE_OWNER.format(error=error)) from error
    services.worker.start()
    print(f"worker runs on {settings.data_dir}; Ctrl-C stops it", flush=True)
    stop.wait()
    asyncio.run(services.aclose())
