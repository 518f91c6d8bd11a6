"""/v1/collections: make, list, look at and delete knowledge bases."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.deps import CatalogueDep, RemovalDep
from app.document_shape import collection_json
from app.question_shape import Name

router = APIRouter(prefix="/v1/collections", tags=["collections"])


class NewCollection(BaseModel):
    """What a new collection is called."""

    name: Name = Field(description="1 to 63 letters, digits, dots, hyphens and underscores.")
    description: str = Field("", max_length=2000)


@router.post("", status_code=201)
def create(catalogue: CatalogueDep, body: NewCollection) -> dict[str, Any]:
    """Make a collection."""
    return collection_json(catalogue.collections.create(body.name, body.description))


@router.get("")
def list_all(catalogue: CatalogueDep) -> dict[str, Any]:
    """List the collections by name."""
    return {"collections": [collection_json(found) for found in catalogue.collections.list()]}


@router.get("/{name}")
def get(catalogue: CatalogueDep, name: str) -> dict[str, Any]:
    """Look at one collection."""
    return collection_json(catalogue.collections.get(name))


@router.delete("/{name}", status_code=204)
def delete(removal: RemovalDep, name: str) -> None:
    """Delete a collection with all its documents."""
    removal.collection(name)
