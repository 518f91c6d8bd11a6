"""The options that limit a question or a search to some documents."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.client.records import Filters

OnlyDocument = Annotated[
    list[str] | None,
    typer.Option("--document", "-d", help="Only this document; a name or a pattern like '*.pdf'."),
]
OnlyType = Annotated[
    list[str] | None, typer.Option("--type", help="Only this media type, e.g. application/pdf.")
]
After = Annotated[
    str | None, typer.Option(help="Only documents uploaded since, e.g. 2026-11-01.", metavar="DATE")
]
Before = Annotated[str | None, typer.Option(help="Only documents uploaded before.", metavar="DATE")]


def filters_of(
    names: list[str] | None, types: list[str] | None, after: str | None, before: str | None
) -> "Filters | None":
    """Return the conditions given, None where there is none."""
    filters: Filters = {}
    if names:
        filters["names"] = names
    if types:
        filters["media_types"] = types
    if after:
        filters["uploaded_after"] = _moment(after)
    if before:
        filters["uploaded_before"] = _moment(before)
    return filters or None


def _moment(text: str) -> str:
    """Return an ISO time with its zone; a date or time without one is local."""
    from datetime import datetime

    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except ValueError as exc:
        raise typer.BadParameter(
            f"{text!r} is no date like 2026-11-01 or 2026-11-01T08:30"
        ) from exc
