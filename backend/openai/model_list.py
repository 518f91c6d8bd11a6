"""GET /v1/models and /v1/models/{model}: stored models in OpenAI's shape."""

from collections.abc import Iterable
from typing import Any

from backend.models.store import StoredModel


def model_entry(model: StoredModel, id_: str | None = None) -> dict[str, Any]:
    """One model, under its short name or the given id; it is owned by its namespace."""
    return {
        "id": id_ or str(model.name),
        "object": "model",
        "created": int(model.modified_at.timestamp()),
        "owned_by": model.name.namespace,
    }


def model_list(models: Iterable[StoredModel]) -> dict[str, Any]:
    """All of them."""
    return {"object": "list", "data": [model_entry(model) for model in models]}
