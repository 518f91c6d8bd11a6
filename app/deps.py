"""What a route may ask for, as annotated aliases: `catalogue: CatalogueDep`."""

from typing import Annotated

from fastapi import Depends, Request

from app.answering.chat_model import ChatModel
from app.answering.pipeline import Answerer
from app.answering.retrieve import Retriever
from app.settings import Settings
from app.wiring import Services
from ingest.intake import Intake
from ingest.jobs import Worker
from ingest.removal import Removal
from storage.catalogue import Catalogue


def services(request: Request) -> Services:
    """Return the services that `create_app` was given or built."""
    found = request.app.state.services
    assert isinstance(found, Services)
    return found


ServicesDep = Annotated[Services, Depends(services)]


def _settings(found: ServicesDep) -> Settings:
    return found.settings


def _catalogue(found: ServicesDep) -> Catalogue:
    return found.catalogue


def _retriever(found: ServicesDep) -> Retriever:
    return found.retriever


def _answerer(found: ServicesDep) -> Answerer:
    return found.answerer


def _intake(found: ServicesDep) -> Intake:
    return found.intake


def _worker(found: ServicesDep) -> Worker:
    return found.worker


def _removal(found: ServicesDep) -> Removal:
    return Removal(found.stores)


def _chat_model(found: ServicesDep) -> ChatModel:
    return found.chat_model


SettingsDep = Annotated[Settings, Depends(_settings)]
CatalogueDep = Annotated[Catalogue, Depends(_catalogue)]
RetrieverDep = Annotated[Retriever, Depends(_retriever)]
AnswererDep = Annotated[Answerer, Depends(_answerer)]
IntakeDep = Annotated[Intake, Depends(_intake)]
WorkerDep = Annotated[Worker, Depends(_worker)]
RemovalDep = Annotated[Removal, Depends(_removal)]
ChatModelDep = Annotated[ChatModel, Depends(_chat_model)]
