"""What the health routes say: readiness part by part, and counts."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from app.answering.errors import AnsweringError
from app.ollama_choice import has_model
from app.wiring import Services
from storage.errors import StorageError


@dataclass(frozen=True, slots=True)
class Readiness:
    """Each part's state in a word or a sentence; `ready` when all are `ok`."""

    catalogue: str
    embedding: str
    worker: str
    model: str

    @property
    def ready(self) -> bool:
        """Whether a question can be answered now."""
        return all(state == "ok" for state in asdict(self).values())

    def as_json(self) -> dict[str, Any]:
        """Return the body of /health/ready."""
        return {"ready": self.ready, **asdict(self)}


async def readiness(services: Services) -> Readiness:
    """Ask each part."""
    return Readiness(
        catalogue=await asyncio.to_thread(_catalogue, services),
        embedding="ok" if services.embedder.ready else "still loading",
        worker="ok" if services.worker.alive else "stopped",
        model=await _model(services),
    )


def _catalogue(services: Services) -> str:
    try:
        services.catalogue.collections.list()
    except StorageError as error:
        return str(error)
    return "ok"


async def _model(services: Services) -> str:
    try:
        names = [model.name for model in await services.chat_model.models()]
    except AnsweringError as error:
        return str(error)
    if not has_model(names, services.settings.model):
        return f"{services.ollama.url} has no model {services.settings.model}"
    return "ok"


def measure(services: Services) -> str:
    """Return counts in the Prometheus text exposition format, version 0.0.4."""
    lines = [
        "# HELP ragstone_documents Documents by collection and status.",
        "# TYPE ragstone_documents gauge",
    ]
    for (collection, status), count in sorted(services.catalogue.counts.documents().items()):
        labels = f'collection="{_label(collection)}",status="{status}"'
        lines.append(f"ragstone_documents{{{labels}}} {count}")
    lines += ["# HELP ragstone_jobs Jobs by state.", "# TYPE ragstone_jobs gauge"]
    for state, count in sorted(services.catalogue.counts.jobs().items()):
        lines.append(f'ragstone_jobs{{state="{state}"}} {count}')
    return "\n".join(lines) + "\n"


def _label(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
