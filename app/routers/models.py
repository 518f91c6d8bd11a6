"""GET /v1/models in OpenAI's shape: each collection is a model, and so are the backend's own."""

import asyncio
import logging
from typing import Any

from fastapi import APIRouter

from app.answering.chat_model import ChatModel
from app.answering.errors import AnsweringError, UnknownModel
from app.deps import CatalogueDep, ChatModelDep
from app.openai_route import OpenAIRoute
from app.openai_shape import model_json
from storage.catalogue import Catalogue

router = APIRouter(prefix="/v1", tags=["openai"], route_class=OpenAIRoute)
log = logging.getLogger("ragstone.openai")


@router.get("/models")
async def list_models(catalogue: CatalogueDep, chat: ChatModelDep) -> dict[str, Any]:
    """List collections, which answer from their documents, and the backend's plain models."""
    return {"object": "list", "data": await _models(catalogue, chat)}


@router.get("/models/{name:path}")
async def get_model(name: str, catalogue: CatalogueDep, chat: ChatModelDep) -> dict[str, Any]:
    """Return one entry of the list."""
    for model in await _models(catalogue, chat):
        if model["id"] == name:
            return model
    raise UnknownModel(f"There is no collection and no model named {name!r}; see GET /v1/models.")


async def _models(catalogue: Catalogue, chat: ChatModel) -> list[dict[str, Any]]:
    collections = await asyncio.to_thread(catalogue.collections.list)
    listed = [
        model_json(collection.name, "ragstone", int(collection.created_at.timestamp()))
        for collection in collections
    ]
    try:
        listed += [model_json(model.name, "ollama") for model in await chat.models()]
    except AnsweringError as error:  # collections are there without it
        log.warning("models of the backend are not listed: %s", error)
    return listed
