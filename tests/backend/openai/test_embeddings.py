import base64
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.answers.requests import parse
from backend.errors import BadRequest
from backend.openai.embeddings import EmbeddingsRequest, embed_request, embedding_list, packed


def asked(**body: Any) -> EmbeddingsRequest:
    return parse(EmbeddingsRequest, {"model": "m", **body})


@pytest.mark.parametrize(
    ("given_", "expected"), [("a", ["a"]), ("", [""]), (["a", ""], ["a", ""]), ([""], [""])]
)
def test_an_empty_text_is_a_text(given_: Any, expected: list[str]) -> None:
    assert embed_request(asked(input=given_)).inputs == expected


@pytest.mark.parametrize("given_", [[], None, 3, {}])
def test_no_text_is_refused(given_: Any) -> None:
    body = {} if given_ is None else {"input": given_}
    with pytest.raises(BadRequest, match="invalid input"):
        asked(**body).texts()


@pytest.mark.parametrize("given_", [[1, 2], [[1, 2]], ["a", 3]])
def test_token_ids_are_refused_by_name(given_: Any) -> None:
    with pytest.raises(BadRequest, match="token ids are not supported"):
        asked(input=given_).texts()


@pytest.mark.parametrize(
    ("name", "expected"), [("float", False), ("base64", True), ("BASE64", True), ("", False)]
)
def test_formats(name: str, expected: bool) -> None:
    assert asked(encoding_format=name).base64() is expected


def test_another_format_is_refused() -> None:
    with pytest.raises(BadRequest, match="'encoding_format' = int8"):
        asked(encoding_format="int8").base64()


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=20))
def test_packing_is_little_endian_floats(vector: list[float]) -> None:
    raw = base64.b64decode(packed(vector))
    assert list(struct.unpack(f"<{len(vector)}f", raw)) == vector


def test_the_list() -> None:
    shown = embedding_list("m", [[1.0, 0.0], [0.0, 1.0]], 5, as_base64=False)
    assert [one["index"] for one in shown["data"]] == [0, 1]
    assert shown["data"][1]["embedding"] == [0.0, 1.0]
    assert shown["usage"] == {"prompt_tokens": 5, "total_tokens": 5}
