"""Schemas that the engine would silently ignore are refused."""

from typing import Any

import httpx
import pytest

from backend.answers.schema import check_schema
from backend.errors import BadRequest


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": ["string", "null"], "enum": ["a", None]},
        {"type": "object", "properties": {"type": {"type": "string"}, "enum": {"type": "array"}}},
        {"$defs": {"a/b": {"type": "integer"}}, "$ref": "#/$defs/a~1b"},
        {"anyOf": [{"$ref": "#/anyOf/1"}, {"const": {"type": "nonsense"}}]},
        {"type": "object", "properties": {"next": {"$ref": "#"}}},
        {"default": {"$ref": "nowhere"}, "pattern": "^a+$"},
    ],
)
def test_sound_schemas_pass(schema: dict[str, Any]) -> None:
    check_schema(schema)


@pytest.mark.parametrize(
    ("schema", "word"),
    [
        ({"type": "nonsense"}, "nonsense"),
        ({"properties": {"a": {"type": 1}}}, "format.properties.a.type"),
        ({"items": {"enum": []}}, "enum"),
        ({"$ref": "#/nowhere"}, "nowhere"),
        ({"anyOf": [{"$ref": "#/anyOf/7"}]}, "anyOf/7"),
        ({"$ref": "http://example.com/schema"}, "example.com"),
        ({"pattern": "((("}, "pattern"),
    ],
)
async def test_what_cannot_be_followed_is_a_400(
    client: httpx.AsyncClient, schema: dict[str, Any], word: str
) -> None:
    body = {"model": "plain", "prompt": "x", "format": schema}
    response = await client.post("/api/generate", json=body)
    assert response.status_code == 400
    assert word in response.json()["error"]


def test_a_schema_without_a_bottom_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(100):
        schema = {"items": schema}
    with pytest.raises(BadRequest, match="nested"):
        check_schema(schema)
