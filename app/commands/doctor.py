"""`ragstone doctor`: is what is kept whole, and are all its copies the same."""

from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from app.commands.options import AsJson, DataDir, Port, Url, connect, settings_of
from app.commands.output import console, counted, fail, print_json


def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="Rebuild from the catalogue what is off.")
    ] = False,
    url: Url = None,
    port: Port = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Compare catalogue, indexes and files. Exits with 1 while something is off."""
    report = _ask_service(url, port, data_dir, fix=fix)
    if report is None:
        report = _examine(data_dir, fix=fix)
    if as_json:
        print_json(report)
    else:
        show_report(report, fixed=fix)
    if not report["ok"]:
        raise typer.Exit(1)


def _ask_service(
    url: str | None, port: int | None, data_dir: Path | None, *, fix: bool
) -> dict[str, Any] | None:
    """Ask the process that owns the folder; None where no service runs (on that folder)."""
    from app.client import ServiceUnavailable

    with connect(url, port) as client:
        try:
            owned = client.info()["data_dir"]
        except ServiceUnavailable:
            if url is not None or port is not None:
                raise
            return None
        if data_dir is not None and Path(owned).resolve() != data_dir.resolve():
            return None
        return client.doctor_fix() if fix else client.doctor()


def _examine(data_dir: Path | None, *, fix: bool) -> dict[str, Any]:
    """Examine the folder from this process, which takes its lock for the while.

    Raises DataFolderLocked where a service owns it after all, on another port.
    """
    from app.doctor_report import as_json
    from app.wiring import open_stores
    from storage.audit import audit, repair
    from storage.lock import DataFolderLock

    settings = settings_of(data_dir=data_dir)
    look = repair if fix else audit
    if not settings.data_dir.is_dir():
        raise fail(f"there is no data folder {settings.data_dir}; name another with --data-dir")
    with DataFolderLock(settings.data_dir), closing(open_stores(settings)) as stores:
        return as_json(look(stores.catalogue, stores.vectors, stores.keywords, stores.files))


def show_report(report: dict[str, Any], *, fixed: bool) -> None:
    """Print what was counted and what is off."""
    out = console()
    for one in report["collections"]:
        held = (counted(one["documents"], "document"), counted(one["chunks"], "passage"))
        out.print(f"{one['name']}: {', '.join(held)}")
    for sentence in report["sentences"]:
        out.print(f"✗ {sentence}", style="red")
    if report["ok"]:
        out.print("✓ Catalogue, vectors, keywords and files agree.", style="green")
    elif fixed:
        out.print("The rest needs a person.")
    else:
        out.print("Rebuild from the catalogue:  ragstone doctor --fix")
