"""Assembly: settings in, a FastAPI app out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from app import error_handlers
from app.body_limit import BodyLimit
from app.browser_guard import BrowserGuard
from app.routers import (
    collections,
    doctor,
    documents,
    evals,
    health,
    jobs,
    models,
    openai,
    query,
    search,
)
from app.settings import Settings
from app.wiring import Services, build_services

ROUTERS = (health, collections, documents, jobs, search, query, models, openai, evals, doctor)


def create_app(settings: Settings, services: Services | None = None) -> FastAPI:
    """Return the service; `services` replaces what `settings` would build, for tests."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        built = services
        if built is None:
            built = await asyncio.to_thread(build_services, settings)
        app.state.services = built
        await asyncio.to_thread(built.start)
        try:
            yield
        finally:
            await built.aclose()

    app = FastAPIOffline(  # the pages of /docs come from here, not from other people's servers
        title="Ragstone",
        summary="Ask your own documents: every answer sourced, checked and measured.",
        version=version("ragstone"),
        lifespan=lifespan,
    )
    app.add_middleware(BodyLimit)
    app.add_middleware(BrowserGuard, allowed=frozenset(settings.allowed_hosts))
    error_handlers.install(app)
    for module in ROUTERS:
        app.include_router(module.router)
    return app
