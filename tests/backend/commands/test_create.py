"""create and import: a Modelfile and its files become a model at a server."""

import os
from pathlib import Path

import pytest

from backend.commands.components import components, files_at, named
from backend.commands.errors import CommandFailed
from backend.commands.server import Server
from backend.models.modelfile import parse
from backend.models.names import ModelName
from backend.models.store import ModelStore
from tests.backend.commands.conftest import Cli, Said
from tests.backend.gguf_files import TINY, write_gguf

OTHER = {**TINY, "general.name": "other"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder, with one file of weights that the server has not got."""
    folder = tmp_path / "work"
    folder.mkdir()
    write_gguf(folder / "other.gguf", OTHER)
    monkeypatch.chdir(folder)
    return folder


def test_a_model_from_a_file_and_all_the_rest(
    url: str, cli: Cli, store: ModelStore, folder: Path
) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "Modelfile").write_text(
        'FROM ../other.gguf\nSYSTEM """Two\nlines"""\nTEMPLATE {{ .Prompt }}\n'
        "PARAMETER temperature 0.5\nPARAMETER stop a\nPARAMETER stop b\nPARAMETER mirostat 1\n"
        "MESSAGE user hi\nMESSAGE assistant ho\nLICENSE free\nLICENSE very\n"
    )
    said = cli("create", "mine", "-f", "sub/Modelfile")
    assert (said.code, said.out) == (0, "")
    lines = said.err.splitlines()
    assert "warning: parameter mirostat is deprecated" in lines
    assert [line for line in lines if line.startswith("copying file sha256:")]
    assert lines[-1] == "success"
    content = store.content(store.get(ModelName.parse("mine")))
    assert content.weights.read_bytes() == (folder / "other.gguf").read_bytes()
    assert (content.system, content.template) == ("Two\nlines", "{{ .Prompt }}")
    assert content.params == {"temperature": 0.5, "stop": ["a", "b"]}
    assert [message["content"] for message in content.messages] == ["hi", "ho"]
    assert content.licenses == ("free", "very")


def test_what_the_server_has_is_not_sent_again(url: str, cli: Cli, folder: Path) -> None:
    assert "copying file" in cli("import", "other.gguf", "one").err
    assert "copying file" not in cli("import", "other.gguf", "two").err


def test_a_model_from_another_model(url: str, cli: Cli, store: ModelStore, folder: Path) -> None:
    (folder / "Modelfile").write_text("FROM tiny\nSYSTEM be brief\n")
    assert cli("create", "brief").code == 0
    made = store.content(store.get(ModelName.parse("brief")))
    assert made.system == "be brief"
    assert made.weights == store.content(store.get(ModelName.parse("tiny"))).weights


def test_the_modelfile_from_standard_input(url: str, cli: Cli, store: ModelStore) -> None:
    assert cli("create", "brief", "-f", "-", piped="FROM tiny\nSYSTEM be brief\n").code == 0
    assert store.content(store.get(ModelName.parse("brief"))).system == "be brief"


def test_without_a_modelfile_the_folder_is_the_model(
    url: str, cli: Cli, store: ModelStore, folder: Path
) -> None:
    assert cli("create", "here").code == 0
    assert store.get(ModelName.parse("here")).name.model == "here"


def test_no_modelfile_at_all(
    url: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "home")
    wanted = Said(1, "", "Error: specified Modelfile wasn't found\n")
    assert cli("create", "here") == cli("create", "here", "-f", "none") == wanted


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("SYSTEM x", "no FROM line"),
        ("FORM x", '(line 1): command must be one of "from"'),
        ("FROM tiny\nPARAMETER bogus 1", "unknown parameter 'bogus'"),
        ("FROM tiny\nPARAMETER seed x", "invalid int value [x]"),
        ("FROM tiny\nADAPTER ./none.gguf", "./none.gguf: no such file or directory"),
        ("FROM ~nobody-of-that-name/x", "~nobody-of-that-name/x: there is no such home folder"),
        ("FROM a//b", "invalid model name"),
    ],
)
def test_a_modelfile_that_cannot_be_followed(
    url: str, cli: Cli, folder: Path, text: str, sentence: str
) -> None:
    (folder / "Modelfile").write_text(text)
    said = cli("create", "mine")
    assert said.code == 1
    assert sentence in said.err.splitlines()[-1]


def test_a_file_that_is_no_model(url: str, cli: Cli, folder: Path, store: ModelStore) -> None:
    (folder / "text.gguf").write_text("This is not a model at all, whatever its name says.")
    said = cli("import", "text.gguf", "mine")
    assert said.code == 1
    assert said.err.splitlines()[-1].startswith("Error: ")
    assert "mine" not in {model.name.model for model in store.models()}


def test_an_import_of_nothing(url: str, cli: Cli) -> None:
    assert cli("import", "none.gguf", "m").err == "Error: none.gguf: no such file or directory\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_is_never_read(url: str, cli: Cli, folder: Path) -> None:
    os.mkfifo(folder / "pipe.gguf")
    said = cli("import", "pipe.gguf", "mine")
    assert said.err.splitlines()[-1] == "Error: pipe.gguf is not a regular file"


def test_safetensors_get_an_answer_that_says_what_to_do(
    url: str, cli: Cli, folder: Path, server: Server
) -> None:
    weights = folder / "weights"
    weights.mkdir()
    (weights / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    (weights / "config.json").write_text("{}")
    said = cli("import", "weights", "mine")
    assert said.code == 1
    assert "safetensors" in said.err.splitlines()[-1]


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        (["a.gguf", "b.gguf", "config.json", "pytorch_model.bin.index"], ["a.gguf", "b.gguf"]),
        (["model-1.safetensors", "a.gguf", "config.json"], ["model-1.safetensors", "config.json"]),
        (
            ["model.safetensors", "draft/model.safetensors", "draft/config.json", "x/y/z.json"],
            ["model.safetensors", "draft/model.safetensors", "draft/config.json"],
        ),
        (["consolidated.00.pth", "a.bin"], ["consolidated.00.pth"]),
        (["pytorch_model.bin", "tokenizer.model"], ["pytorch_model.bin", "tokenizer.model"]),
        (["weights.bin", "chat_template.jinja"], ["weights.bin", "chat_template.jinja"]),
    ],
)
def test_which_files_of_a_folder_make_a_model(
    tmp_path: Path, there: list[str], taken: list[str]
) -> None:
    folder = tmp_path / "model"
    touch(folder, *there)
    assert [file.relative_to(folder).as_posix() for file in files_at(folder)] == taken


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    touch(tmp_path, "model/readme.md")
    with pytest.raises(CommandFailed, match="no Modelfile or safetensors files found"):
        files_at(tmp_path / "model")


@pytest.mark.parametrize("link", ["model.safetensors", "config.json"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, link: str) -> None:
    touch(tmp_path, "model/model-1.safetensors", "secret")
    (tmp_path / "model" / link).symlink_to(tmp_path / "secret")
    with pytest.raises(CommandFailed, match="insecure path"):
        files_at(tmp_path / "model")


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    touch(tmp_path, "model/blobs/1", "model/readme")
    (tmp_path / "model" / "model.safetensors").symlink_to("blobs/1")
    assert [file.name for file in files_at(tmp_path / "model")] == ["model.safetensors"]


def test_files_are_named_below_their_common_folder(tmp_path: Path) -> None:
    files = [tmp_path / "a" / "b" / "1.gguf", tmp_path / "a" / "c" / "2.gguf"]
    assert named(files) == {"b/1.gguf": files[0], "c/2.gguf": files[1]}
    assert named(files[:1]) == {"1.gguf": files[0]}
    assert named([]) == {}


def test_home_is_where_the_tilde_points(tmp_path: Path) -> None:
    write_gguf(tmp_path / "home" / "x.gguf")
    made = components(parse(b"FROM ~/x.gguf"), Path("/nowhere"))
    assert made.files == {"x.gguf": tmp_path / "home" / "x.gguf"}


def test_a_name_with_no_file_behind_it_is_a_models() -> None:
    assert components(parse(b"FROM llama3.2:1b"), Path()).body == {"from": "llama3.2:1b"}
