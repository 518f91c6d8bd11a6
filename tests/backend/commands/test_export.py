"""export: the weights as a file of one's own, nothing overwritten unasked."""

from pathlib import Path
from typing import Any

import pytest

from backend.commands import export as exporting
from backend.commands.errors import CommandFailed
from backend.commands.server import Server
from backend.models.names import ModelName
from backend.models.store import ModelStore
from tests.backend.commands.conftest import Cli


@pytest.fixture
def weights(store: ModelStore) -> Path:
    return store.content(store.get(ModelName.parse("tiny"))).weights


def test_a_copy_with_progress(url: str, cli: Cli, tmp_path: Path, weights: Path) -> None:
    file = tmp_path / "out.gguf"
    said = cli("export", "tiny", str(file))
    assert (said.code, said.out) == (0, f"exported 'tiny' to '{file}'\n")
    assert said.err.splitlines()[0].startswith("exporting ")
    assert file.read_bytes() == weights.read_bytes()
    assert not file.samefile(weights)
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_link_takes_no_room(url: str, cli: Cli, tmp_path: Path, weights: Path) -> None:
    file = tmp_path / "out.gguf"
    assert cli("export", "--link", "tiny", str(file)).code == 0
    assert file.samefile(weights)


def test_what_is_exported_can_be_imported(
    url: str, cli: Cli, tmp_path: Path, store: ModelStore, weights: Path
) -> None:
    file = tmp_path / "out.gguf"
    assert cli("export", "tiny", str(file)).code == 0
    assert cli("import", str(file), "again").code == 0
    assert store.content(store.get(ModelName.parse("again"))).weights == weights


def test_a_file_that_is_there_stays(url: str, cli: Cli, tmp_path: Path, weights: Path) -> None:
    file = tmp_path / "out.gguf"
    file.write_text("mine")
    said = cli("export", "tiny", str(file))
    assert said.code == 1
    assert said.err == f"Error: {file} is there already; --force overwrites it\n"
    assert file.read_text() == "mine"
    assert cli("export", "--force", "tiny", str(file)).code == 0
    assert file.read_bytes() == weights.read_bytes()


def test_a_file_that_comes_meanwhile_stays_too(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "out.gguf"
    fill = exporting._fill

    def slow(*given: Any, **more: Any) -> None:
        fill(*given, **more)
        file.write_text("mine")

    monkeypatch.setattr(exporting, "_fill", slow)
    with pytest.raises(CommandFailed, match="is there already"):
        exporting.export_weights(server, "tiny", file)
    assert file.read_text() == "mine"


def test_into_a_folder(url: str, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert cli("export", "tiny:latest", str(tmp_path / "out")).code == 0
    assert (tmp_path / "out" / "tiny-latest.gguf").is_file()


def test_where_it_cannot_be_written(url: str, cli: Cli, tmp_path: Path) -> None:
    said = cli("export", "tiny", str(tmp_path / "none" / "out.gguf"))
    assert said.code == 1
    assert said.err.startswith(f"Error: couldn't write {tmp_path}/none/out.gguf: No such file")


def test_a_model_that_is_not_there(url: str, cli: Cli, tmp_path: Path) -> None:
    said = cli("export", "nope", str(tmp_path / "x"))
    assert said.err == "Error: model 'nope:latest' not found\n"


class Elsewhere(Server):
    """A server whose weights lie on another machine."""

    def post(self, path: str, body: Any) -> dict[str, Any]:
        return {"modelfile": "FROM /elsewhere/blobs/sha256-0\nTEMPLATE x\n"}


def test_weights_of_another_machine(tmp_path: Path) -> None:
    with Elsewhere("http://far.example:1") as server, pytest.raises(CommandFailed) as caught:
        exporting.export_weights(server, "tiny", tmp_path / "x")
    assert "are not on this machine" in str(caught.value)
    assert not (tmp_path / "x").exists()
