"""Builds the application: settings in, an ASGI app out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from fastapi import FastAPI

from backend.answers.generation import Backend
from backend.engine.pool import Limits, Pool
from backend.engine.room import available_memory
from backend.engine.runner import RunnerFactory
from backend.models.library import Library
from backend.models.prune import tidy
from backend.models.store import ModelStore
from backend.routes import (
    blobs,
    chat,
    cloud,
    copy,
    create,
    delete,
    embed,
    generate,
    models,
    pull,
    push,
    root,
    tokenize,
    v1,
)
from backend.settings import BackendSettings
from backend.web import http_errors
from backend.web.guard import Guard
from backend.web.token import Token
from backend.web.unforeseen import Unforeseen


def create_app(
    settings: BackendSettings | None = None, runner_factory: RunnerFactory | None = None
) -> FastAPI:
    """The server for `settings` (default: the environment), with runners from the factory.

    Without a factory the settings choose the engine.

    Its lifespan stops every runner at the end, however busy.
    """
    settings = settings or BackendSettings()
    limits = Limits(
        loaded=settings.loaded_limit,
        queue=settings.max_queue,
        keep_alive=settings.keep_alive,
        load_timeout=settings.load_timeout,
    )
    backend = Backend(
        settings,
        Library(ModelStore(settings.models_folder)),
        Pool(runner_factory or _engine(settings), limits, room=available_memory),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        store, noprune = backend.library.store, settings.noprune
        tidying = asyncio.create_task(asyncio.to_thread(tidy, store, noprune=noprune))
        yield
        await backend.pool.close()
        await tidying

    app = FastAPI(
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.backend = backend
    stored = (models, copy, delete, blobs, create, pull, push)
    for room in (root, *stored, generate, chat, embed, tokenize, v1, cloud):
        app.include_router(room.router)
    http_errors.install(app)
    app.add_middleware(Unforeseen)
    app.add_middleware(Token, token=settings.token)
    app.add_middleware(Guard, origins=settings.origins, bound_to=settings.address.host)
    return app


def _engine(settings: BackendSettings) -> RunnerFactory:
    """The engine's factory, imported at the first load: its HTTP client would slow the start."""

    @cache
    def factory() -> RunnerFactory:
        if settings.engine == "ik":
            from backend.engine.ik_runner import IkEngine

            return IkEngine()
        from backend.engine.llama_runner import LlamaRunner

        return LlamaRunner

    return lambda spec: factory()(spec)
