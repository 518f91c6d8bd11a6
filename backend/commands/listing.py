"""`list` and `ps`: the stored models and the loaded ones, as tables."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from backend.commands.ages import human_time, parse_time
from backend.commands.options import Prefix, connected
from backend.commands.server import Server
from backend.commands.tables import table
from backend.commands.units import human_bytes

STORED = ("NAME", "ID", "SIZE", "MODIFIED")
LOADED = ("NAME", "ID", "SIZE", "PROCESSOR", "CONTEXT", "UNTIL")
ID_LENGTH = 12


def list_(prefix: Prefix = None) -> None:
    """List models."""
    with connected() as server:
        print_stored(server, *(prefix or [])[:1])


def ps(prefix: Prefix = None) -> None:
    """List running models."""
    with connected() as server:
        print_loaded(server, *(prefix or [])[:1])


def print_stored(server: Server, prefix: str = "") -> None:
    """Print the models whose name begins so, case ignored; newest first."""
    found = server.get("/api/tags").get("models") or []
    now = datetime.now(UTC)
    rows = [
        stored_row(model, now)
        for model in found
        if model["name"].lower().startswith(prefix.lower())
    ]
    print(table(rows, STORED), end="")


def print_loaded(server: Server, prefix: str = "") -> None:
    """Print the loaded models whose name begins so."""
    found = server.get("/api/ps").get("models") or []
    now = datetime.now(UTC)
    rows = [loaded_row(model, now) for model in found if model["name"].startswith(prefix)]
    print(table(rows, LOADED), end="")


def stored_row(model: Mapping[str, Any], now: datetime) -> list[str]:
    """One line of `list` for an entry of /api/tags."""
    changed = human_time(parse_time(model["modified_at"]), now)
    size = "-" if model.get("remote_model") else human_bytes(model["size"])
    return [model["name"], model["digest"][:ID_LENGTH], size, changed]


def loaded_row(model: Mapping[str, Any], now: datetime) -> list[str]:
    """One line of `ps` for an entry of /api/ps."""
    until = parse_time(model["expires_at"])
    return [
        model["name"],
        model["digest"][:ID_LENGTH],
        human_bytes(model["size"]),
        processor(model["size"], model.get("size_vram", 0)),
        str(model.get("context_length", 0)),
        "Stopping..." if until is not None and until < now else human_time(until, now),
    ]


def processor(size: int, on_gpu: int) -> str:
    """Where a model of that many bytes lies, when `on_gpu` of them are on the graphics card."""
    if on_gpu == 0:
        return "100% CPU"
    if on_gpu == size:
        return "100% GPU"
    if on_gpu > size or size == 0:
        return "Unknown"
    on_cpu = int((size - on_gpu) / size * 100 + 0.5)
    return f"{on_cpu}%/{100 - on_cpu}% CPU/GPU"
