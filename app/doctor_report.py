"""What an audit found, as JSON: the same from the service and from `ragstone doctor` alone."""

from dataclasses import asdict
from typing import Any

from storage.audit import AuditReport


def as_json(report: AuditReport) -> dict[str, Any]:
    """Return `ok`, `sentences` (what is off), what was counted, and the ids behind it."""
    return {"ok": report.ok, **asdict(report)}
