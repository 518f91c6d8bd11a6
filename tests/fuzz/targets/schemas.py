"""Any JSON is a schema that the engine may see, or a BadRequest; soon, in either case."""

import json
import time

from hypothesis import strategies as st

from backend.answers.schema import MAX_ITEMS, check_schema
from backend.errors import BadRequest
from tests.fuzz.mutations import JSON, NUMBERS, pieced

_PATTERNS = ("a", "(", ")", "[", "]", "*", "+", "?", "{1,99999}", "|", "^", "$", "\\", "(?:",
             "(?i)", "(?=", "\\d", ".", "{", "\\1")  # fmt: skip
_REFERENCES = ("#", "#/$defs/a", "#/$defs/b", "#/anyOf/0", "#/anyOf/9", "#//", "x", "#/~0~1")
_schemas: st.SearchStrategy[object] = st.deferred(lambda: st.fixed_dictionaries({}, optional={
    "type": st.sampled_from(["string", "object", "array", "null", "x"]) | JSON,
    "properties": st.dictionaries(st.text(max_size=3), _schemas, max_size=3) | JSON,
    "items": _schemas | JSON,
    "anyOf": st.lists(_schemas, max_size=3) | JSON,
    "allOf": st.lists(_schemas, max_size=3) | JSON,
    "$defs": st.dictionaries(st.sampled_from("ab"), _schemas, max_size=2) | JSON,
    "$ref": st.sampled_from(_REFERENCES) | JSON,
    "enum": JSON, "const": JSON, "required": JSON,
    "pattern": pieced(_PATTERNS, 12) | JSON,
    "minItems": st.sampled_from(NUMBERS) | JSON, "maxItems": st.sampled_from(NUMBERS) | JSON,
    "additionalProperties": _schemas | JSON,
}))  # fmt: skip
CASES = _schemas


def check(schema: dict[str, object]) -> None:
    """Check it; what passes has bounded counts."""
    schema = json.loads(json.dumps(schema))
    began = time.thread_time()
    try:
        check_schema(schema)
    except BadRequest:
        pass
    else:
        counts = [schema.get(word) for word in ("minItems", "maxItems")]
        assert sum(max(one, 0) for one in counts if isinstance(one, int | float)) <= MAX_ITEMS
    assert time.thread_time() - began < 3
