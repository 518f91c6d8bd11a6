"""pull and push, against a registry on loopback."""

from collections.abc import Iterator

import pytest

from backend.models.store import ModelStore
from tests.backend.commands.conftest import Cli
from tests.backend.gguf_files import gguf_bytes
from tests.backend.registry.server import Registry, serve


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serve() as registry:
        yield registry


def test_a_pull_says_what_it_does(
    url: str, cli: Cli, registry: Registry, store: ModelStore
) -> None:
    registry.add_model({"model": gguf_bytes()})
    said = cli("pull", "--insecure", registry.name())
    assert (said.code, said.out) == (0, "")
    lines = said.err.splitlines()
    assert lines[0] == "pulling manifest"
    assert lines[-1] == "success"
    assert any(line.startswith("pulling ") and line.endswith(" done") for line in lines)
    assert registry.host in {model.name.host for model in store.models()}


def test_a_pull_of_nothing(url: str, cli: Cli, registry: Registry) -> None:
    said = cli("pull", "--insecure", registry.name("library/nope:latest"))
    assert said.code == 1
    assert said.err.splitlines() == [
        "pulling manifest",
        "Error: pull model manifest: file does not exist",
    ]


def test_an_unsafe_pull_is_only_made_when_asked(url: str, cli: Cli, registry: Registry) -> None:
    said = cli("pull", f"http://{registry.name()}")
    assert said.code == 1
    assert "insecure protocol http" in said.err


def test_a_push_says_where_the_model_is(
    url: str, cli: Cli, registry: Registry, store: ModelStore
) -> None:
    name = registry.name("library/mine:latest")
    assert cli("cp", "tiny", name).code == 0
    said = cli("push", "--insecure", name)
    assert said.code == 0, said.err
    assert said.out == (f"\nYou can find your model at:\n\n\t{registry.host}/library/mine:latest\n")
    assert said.err.splitlines()[-1] == "success"


def test_a_push_of_nothing(url: str, cli: Cli, registry: Registry) -> None:
    said = cli("push", "--insecure", registry.name("library/nope:latest"))
    assert (said.code, said.out) == (1, "")
    assert "couldn't retrieve manifest" in said.err


def test_run_pulls_what_is_missing(url: str, cli: Cli, registry: Registry) -> None:
    registry.add_model({"model": gguf_bytes()})
    said = cli("run", "--insecure", registry.name(), "hello")
    assert (said.code, said.out) == (0, "one two three\n\n")
    assert "success" in said.err
