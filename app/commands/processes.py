"""`ragstone backend` and `ragstone worker`: one part of the service alone."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.commands.options import DataDir, settings_of


def backend(
    host: Annotated[str | None, typer.Option(help="Address; or OLLAMA_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port, default 11434.")] = None,
    models_dir: Annotated[Path | None, typer.Option(help="Folder of the models.")] = None,
) -> None:
    """Run the bundled Ollama-compatible model server alone."""
    settings = settings_of(models_dir=models_dir)
    if host is not None or port is not None:
        os.environ["OLLAMA_HOST"] = f"{host or '127.0.0.1'}:{11434 if port is None else port}"
    if models_dir is not None or "OLLAMA_MODELS" not in os.environ:
        os.environ["OLLAMA_MODELS"] = str(settings.models_dir / "ollama")
    # this process becomes the backend, so that signals and the exit code are its own
    os.execv(sys.executable, [sys.executable, "-m", "backend"])  # noqa: S606


NEEDS_SHARED_ENGINES = (
    "A worker of its own shares its stores with the service, and embedded ones cannot be shared: "
    "Chroma and the queue in the data folder have one owner process. `ragstone serve` has a "
    "worker inside, which is all that one machine needs. For more workers set "
)


def worker(data_dir: DataDir = None) -> None:
    """Run a worker alone, beside a service that uses the same server engines."""
    import asyncio
    import signal
    import threading

    from app.commands.serve import log_to_stderr
    from app.errors import InvalidRequest
    from app.wiring import build_services

    # a worker asks no language model, so none is started for it
    settings = settings_of(data_dir=data_dir, ollama_url="http://127.0.0.1:11434")
    engines = {
        "RAGSTONE_DATABASE_URL": settings.database_url,
        "RAGSTONE_CHROMA_URL": settings.chroma_url,
        "RAGSTONE_QUEUE_URL": settings.queue_url,
    }
    if absent := [variable for variable, url in engines.items() if not url]:
        raise InvalidRequest(NEEDS_SHARED_ENGINES + ", ".join(absent))
    log_to_stderr(verbose=False)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    services = build_services(settings)
    services.worker.start()
    print("worker runs; Ctrl-C stops it", flush=True)
    stop.wait()
    asyncio.run(services.aclose())
