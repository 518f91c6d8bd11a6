"""What a schema leaves open is closed as Ollama's converter does, and nothing else is changed."""

import time
from typing import Any

import pytest

from backend.answers.bounded_schema import FARTHEST, bounded

NUMBERS = {"minimum": -FARTHEST, "maximum": FARTHEST}
TEXT = {"type": "string"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "string", "minimum": "x"},
        {"type": "object", "properties": {"a": TEXT}, "additionalProperties": True},
        {"properties": {"a": TEXT}, "additionalProperties": {"type": "string"}},
        {"properties": {"a": TEXT}, "patternProperties": {"^b": TEXT}},
        {"properties": {"a": TEXT}, "unevaluatedProperties": False},
        {"allOf": [{"properties": {"a": TEXT}}, {"additionalProperties": True}]},
        {"type": "number", "multipleOf": 0.5},
        {"type": "integer", "minimum": 2**60},
        {"type": "integer", "minimum": 1, "exclusiveMaximum": 5},
        {"enum": [{"properties": {"a": 1}}]},
        {"$ref": "#/$defs/nowhere"},
    ],
)
def test_what_is_decided_stays(schema: dict[str, Any]) -> None:
    assert bounded(schema) == schema


def test_objects_are_closed_wherever_they_stand() -> None:
    open_ = {"properties": {"a": TEXT}}
    shut = {**open_, "additionalProperties": False}
    nested = {
        "properties": {"one": open_, "list": {"items": open_}},
        "anyOf": [],
        "$defs": {"d": open_},
    }
    for schema, made in [
        (open_, shut),
        ({"items": open_}, {"items": shut}),
        ({"anyOf": [open_, {"type": "null"}]}, {"anyOf": [shut, {"type": "null"}]}),
        ({"allOf": [open_]}, {"allOf": [shut]}),
        ({"additionalProperties": open_}, {"additionalProperties": shut}),
        (
            nested,
            {
                **nested,
                "properties": {"one": shut, "list": {"items": shut}},
                "$defs": {"d": shut},
                "additionalProperties": False,
            },
        ),
    ]:
        assert bounded(schema) == made


def test_an_object_of_several_schemas_is_closed_around_all_their_properties() -> None:
    schema = {
        "$defs": {"base": {"properties": {"a": TEXT}}},
        "allOf": [{"$ref": "#/$defs/base"}, {"properties": {"b": TEXT}}],
    }
    assert bounded(schema) == {
        **schema,
        "properties": {"a": True, "b": True},
        "additionalProperties": False,
    }


def test_properties_beside_a_reference_keep_their_own_schemas() -> None:
    schema = {
        "$defs": {"base": {"properties": {"a": TEXT}}},
        "$ref": "#/$defs/base",
        "properties": {"b": TEXT},
    }
    made = bounded(schema)
    assert made["properties"] == {"b": TEXT, "a": True}
    assert made["additionalProperties"] is False
    assert "additionalProperties" not in made["$defs"]["base"]


def test_numbers_are_bounded_on_the_sides_left_open() -> None:
    assert bounded({"type": "integer"}) == {"type": "integer", **NUMBERS}
    assert bounded({"type": ["number", "null"]}) == {"type": ["number", "null"], **NUMBERS}
    assert bounded({"type": "integer", "minimum": 0}) == {
        "type": "integer", "minimum": 0, "maximum": FARTHEST,
    }  # fmt: skip
    assert bounded({"properties": {"n": {"type": "number"}}})["properties"]["n"] == {
        "type": "number", **NUMBERS,
    }  # fmt: skip


def test_the_empty_schema_asks_for_an_object() -> None:
    assert bounded({}) == {"type": "object"}


def test_a_schema_that_contains_itself_ends() -> None:
    schema = {"properties": {"next": {"$ref": "#"}}, "$ref": "#", "allOf": [{"$ref": "#"}]}
    assert bounded(schema)["properties"] == {"next": {"$ref": "#"}}


def test_many_joined_schemas_take_no_time() -> None:
    many = {
        f"d{i}": {"$ref": f"#/$defs/d{i + 1}", "properties": {f"p{i}": True}} for i in range(1500)
    }
    started = time.process_time()
    bounded({"$defs": many, "anyOf": [{"allOf": list(many.values())} for _ in range(50)]})
    assert time.process_time() - started < 5
