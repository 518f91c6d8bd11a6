"""Model names: what parses, what never reaches the disk, and how names are shown."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import CloudModel, InvalidName
from backend.models.names import ModelName, on_disk, to_run

PART = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=20).filter(
    lambda text: text[0] != "-"
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("foo", "foo:latest"),
        ("foo:7b", "foo:7b"),
        ("  foo  ", "foo:latest"),
        ("user/foo", "user/foo:latest"),
        ("registry.ollama.ai/library/foo:7b", "foo:7b"),
        ("https://example.com/user/foo:7b", "example.com/user/foo:7b"),
        ("localhost:5000/user/foo", "localhost:5000/user/foo:latest"),
        ("_x.y-z", "_x.y-z:latest"),
    ],
)
def test_names_are_parsed_from_the_right_and_shown_short(text: str, shown: str) -> None:
    assert str(ModelName.parse(text)) == shown


@pytest.mark.parametrize(
    "text",
    ["", " ", ".", "..", ".hidden", "a//b", "a:", ":tag", "a b", "../../etc/passwd", "a/../b",
     "a\\b", "a\0b", "模型", "/a", "a/", "user.dot/foo", "a@sha256:00",
     "x" * 81, "://a/b/c", "foo:bar:baz/", "-a", "a\n"],
)  # fmt: skip
def test_what_breaks_the_rules_is_refused(text: str) -> None:
    if text.strip() == "a":  # outer white space is trimmed, and only that
        assert str(ModelName.parse(text)) == "a:latest"
        return
    with pytest.raises(InvalidName):
        ModelName.parse(text)


@given(PART, PART, PART, PART)
def test_a_name_survives_being_shown(host: str, namespace: str, model: str, tag: str) -> None:
    name = ModelName(host, namespace, model, tag)
    assert ModelName.parse(str(name)) == name
    assert ModelName.parse(name.full) == name


@given(st.text(max_size=60))
def test_no_text_becomes_a_path_that_leaves_its_folder(text: str) -> None:
    try:
        parts = ModelName.parse(text).parts
    except InvalidName:
        return
    assert all(part not in ("", ".", "..") for part in parts)
    assert not any(mark in part for part in parts for mark in "/\\\0")


def test_stored_spelling_wins_part_by_part() -> None:
    stored = [ModelName.parse("Foo:Latest"), ModelName.parse("User/bar")]
    assert str(ModelName.parse("foo").spelled_like(stored)) == "Foo:Latest"
    assert str(ModelName.parse("foo:new").spelled_like(stored)) == "Foo:new"
    assert str(ModelName.parse("fOO:LATEST").spelled_like(stored)) == "Foo:Latest"
    assert str(ModelName.parse("uSER/new").spelled_like(stored)) == "User/new:latest"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("foo", "foo:latest"), ("foo:local", "foo:latest"), (" foo:7b:LOCAL ", "foo:7b"),
     ("u/foo:local", "u/foo:latest"), ("foo-cloud", "foo-cloud:latest"),
     ("foo-cloud:7b", "foo-cloud:7b"), ("a:5-cloud/u/foo", "a:5-cloud/u/foo:latest")],
)  # fmt: skip
def test_local_at_the_end_says_only_where_to_look(text: str, shown: str) -> None:
    assert str(on_disk(text)) == str(to_run(text)) == shown


@pytest.mark.parametrize("text", ["foo:cloud", "foo:7b-cloud", "u/foo:CLOUD", "h.io/u/foo:x-Cloud"])
def test_a_cloud_model_is_named_but_never_run(text: str) -> None:
    assert str(on_disk(text)) == text
    with pytest.raises(CloudModel, match="cloud model"):
        to_run(text)


@pytest.mark.parametrize(
    "text", ["foo:local:cloud", "foo:cloud:local", "foo:7b-cloud:local", "foo:local:local"]
)
def test_a_name_cannot_ask_for_both_places(text: str) -> None:
    for read in (on_disk, to_run):
        with pytest.raises(InvalidName, match="use either :local or :cloud, not both"):
            read(text)
