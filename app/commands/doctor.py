"""`ragstone doctor`: is what is kept whole, and are all its copies the same."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.commands.options import AsJson, DataDir, Port, Url, connect, settings_of
from app.commands.output import console, print_json


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
        show_report(report)
    if not report["ok"]:
        raise typer.Exit(1)


def _ask_service(
    url: str | None, port: int | None, data_dir: Path | None, *, fix: bool
) -> dict[str, Any] | None:
    """Ask the process that owns the folder; None where no service runs (on that folder)."""
    from app.client import ServiceUnavailable

    named = url is not None or port is not None
    with connect(url, port) as client:
        try:
            owned = client.info()["data_dir"]
        except ServiceUnavailable:
            if named:
                raise
            return None
        if data_dir is not None and Path(owned).resolve() != data_dir.resolve():
            return None
        return client.doctor_fix() if fix else client.doctor()


def _examine(data_dir: Path | None, *, fix: bool) -> dict[str, Any]:
    """Examine the folder from this process, which takes its lock for the while.

    Raises DataFolderLocked where a service owns it after all, on another port.
    """
    import asyncio
    from dataclasses import asdict

    from app.wiring import build_services
    from storage.audit import audit, repair

    # no question is asked here, so no model server is started
    services = build_services(settings_of(data_dir=data_dir, ollama_url="http://127.0.0.1:11434"))
    look = repair if fix else audit
    try:
        report = look(services.catalogue, services.vectors, services.keywords, services.files)
    finally:
        asyncio.run(services.aclose())
    return {"ok": report.ok, **asdict(report)}


def show_report(report: dict[str, Any]) -> None:
    """Print what was counted and what is off."""
    out = console()
    for line in lines_of(report):
        out.print(line)
    if report["ok"]:
        out.print("Everything agrees.", style="green")
    else:
        out.print(
            "Something is off. Rebuild from the catalogue:  ragstone doctor --fix", style="red"
        )


def lines_of(value: Any, name: str = "", depth: int = 0) -> list[str]:
    """Return an audit's nested findings as indented lines; empty lists read as none."""
    pad = "  " * depth
    if isinstance(value, dict):
        inner = [
            line
            for key, item in value.items()
            if key != "ok"
            for line in lines_of(item, key, depth + 1)
        ]
        return [f"{pad}{name}", *inner] if name else [line[2:] for line in inner]
    if isinstance(value, (list, tuple)) and any(isinstance(item, dict) for item in value):
        return [line for item in value for line in lines_of(item, name, depth)]
    if isinstance(value, (list, tuple)):
        shown = ", ".join(map(str, value[:5])) + (
            f" and {len(value) - 5} more" if len(value) > 5 else ""
        )
        return [f"{pad}{name}: {shown or 'none'}"]
    return [f"{pad}{name}: {value}"]
