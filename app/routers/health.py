"""Is the process alive, is it ready, what does it count."""

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse

from app.deps import ServicesDep
from app.health import measure, readiness

router = APIRouter(tags=["health"])


@router.get("/", include_in_schema=False)
async def front() -> RedirectResponse:
    """Lead a person who opens the address in a browser to the description of the API."""
    return RedirectResponse("/docs")


@router.get("/health")
async def health() -> dict[str, str]:
    """Alive: the process answers. Says nothing about models or stores."""
    return {"status": "ok"}


@router.get("/health/ready")
async def ready(services: ServicesDep) -> Response:
    """Ready: catalogue, embedding model, worker and model server; 503 until all are."""
    found = await readiness(services)
    return JSONResponse(found.as_json(), 200 if found.ready else 503)


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(services: ServicesDep) -> str:
    """Counts in the Prometheus text format."""
    return measure(services)


@router.get("/v1/info")
async def info(services: ServicesDep) -> dict[str, Any]:
    """What runs here: version, models, where data lies, which engines."""
    return services.description()
