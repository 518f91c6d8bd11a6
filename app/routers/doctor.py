"""The audit of what is kept, from inside the process that owns it."""

from typing import Any

from fastapi import APIRouter

from app.deps import ServicesDep
from app.doctor_report import as_json
from ingest.stores import Stores
from storage.audit import audit, repair
from storage.catalogue import Catalogue
from storage.files import FileStore
from storage.keyword import KeywordIndex
from storage.vectors import VectorIndex

router = APIRouter(prefix="/v1/doctor", tags=["doctor"])


def _parts(stores: Stores) -> tuple[Catalogue, VectorIndex, KeywordIndex, FileStore]:
    return stores.catalogue, stores.vectors, stores.keywords, stores.files


@router.get("")
def examine(services: ServicesDep) -> dict[str, Any]:
    """Compare catalogue, indexes and files; change nothing."""
    return as_json(audit(*_parts(services.stores)))


@router.post("/fix")
def fix(services: ServicesDep) -> dict[str, Any]:
    """Rebuild what differs from the catalogue; returns the state afterwards."""
    report = repair(*_parts(services.stores))
    services.worker.recover()  # jobs that the repair opened again
    return as_json(report)
