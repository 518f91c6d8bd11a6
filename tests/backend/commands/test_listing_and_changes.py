"""list, ps, cp, rm, stop, against a server with fake runners."""

import re
from datetime import UTC, datetime

import pytest

from backend.commands.listing import loaded_row, processor
from backend.commands.server import Server
from backend.models.names import ModelName
from backend.models.store import ModelStore
from tests.backend.commands.conftest import Cli, Said

NOW = datetime(2026, 8, 21, 12, tzinfo=UTC)


def test_list_is_a_table_that_scripts_can_cut(url: str, cli: Cli) -> None:
    said = cli("list")
    header, *rows = said.out.splitlines()
    assert header.split() == ["NAME", "ID", "SIZE", "MODIFIED"]
    assert {row.split()[0] for row in rows} == {"tiny:latest", "plain:latest", "embedder:latest"}
    for row in rows:
        assert re.fullmatch(r"\S+ +[0-9a-f]{12} {4}\d(\.\d)? KB {4}.* ago +", row)
    assert said.err == ""


@pytest.mark.parametrize(("words", "names"), [(["TI"], ["tiny:latest"]), (["nothing"], [])])
def test_list_takes_a_prefix_and_ls_is_the_same(
    url: str, cli: Cli, words: list[str], names: list[str]
) -> None:
    said = cli("list", *words)
    assert [row.split()[0] for row in said.out.splitlines()[1:]] == names
    assert cli("ls", *words) == said


def test_ps_shows_what_is_loaded_and_until_when(url: str, cli: Cli, server: Server) -> None:
    assert cli("ps").out == "NAME    ID    SIZE    PROCESSOR    CONTEXT    UNTIL \n"
    server.post("/api/generate", {"model": "tiny", "keep_alive": -1, "stream": False})
    row = cli("ps").out.splitlines()[1]
    assert re.fullmatch(r"tiny:latest +\w{12} +\d\S* [KM]B +100% CPU +64 +Forever +", row)
    server.post("/api/generate", {"model": "tiny", "keep_alive": "4m30s", "stream": False})
    assert "4 minutes from now" in cli("ps", "tiny").out
    assert cli("ps", "other").out.count("\n") == 1


def test_a_model_that_goes_is_stopping() -> None:
    model = {
        "name": "a:latest",
        "digest": "0" * 64,
        "size": 10,
        "size_vram": 0,
        "context_length": 64,
        "expires_at": "2026-08-21T11:59:59Z",
    }
    assert loaded_row(model, NOW)[-1] == "Stopping..."
    assert loaded_row({**model, "expires_at": "0001-01-01T00:00:00Z"}, NOW)[-1] == "Never"


@pytest.mark.parametrize(
    ("size", "on_gpu", "text"),
    [
        (10, 0, "100% CPU"),
        (10, 10, "100% GPU"),
        (10, 7, "30%/70% CPU/GPU"),
        (10, 11, "Unknown"),
        (1000, 995, "1%/99% CPU/GPU"),
    ],
)
def test_where_a_model_lies(size: int, on_gpu: int, text: str) -> None:
    assert processor(size, on_gpu) == text


def test_cp_makes_a_second_name(url: str, cli: Cli, store: ModelStore) -> None:
    assert cli("cp", "tiny", "other") == Said(0, "copied 'tiny' to 'other'\n", "")
    other = store.get(ModelName.parse("other"))
    assert other.digest == store.get(ModelName.parse("tiny")).digest


def test_cp_of_nothing(url: str, cli: Cli) -> None:
    said = cli("cp", "nope", "other")
    assert said == Said(1, "", 'Error: model "nope" not found\n')


def test_rm_unloads_and_removes_up_to_the_first_that_is_not_there(
    url: str, cli: Cli, server: Server, store: ModelStore
) -> None:
    server.post("/api/generate", {"model": "tiny", "stream": False})
    said = cli("rm", "tiny", "nope", "plain")
    assert said == Said(1, "deleted 'tiny'\n", "Error: model 'nope' not found\n")
    assert {str(model.name) for model in store.models()} == {"plain:latest", "embedder:latest"}
    assert server.get("/api/ps")["models"] == []


def test_stop_unloads_and_says_nothing(url: str, cli: Cli, server: Server) -> None:
    server.post("/api/generate", {"model": "tiny", "stream": False})
    assert cli("stop", "tiny") == Said(0, "", "")
    assert server.get("/api/ps")["models"] == []
    assert cli("stop", "tiny").code == 0  # nor where it was not loaded


def test_stop_of_nothing(url: str, cli: Cli) -> None:
    assert cli("stop", "nope") == Said(1, "", 'Error: couldn\'t find model "nope" to stop\n')
