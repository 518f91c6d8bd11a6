"""Settings as the command line shows and finds them, and the files that `add` means."""

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_settings import SettingsError

from app import config_report
from app.cli import sentence_of
from app.commands.config import config
from app.commands.files import NoSuchFiles, find_files
from app.commands.options import service_url
from app.config_report import MASK, read_env_file, report, shown
from app.settings import Settings
from scripts import env_example

ROOT = Path(__file__).resolve().parent.parent.parent


def test_each_value_says_where_it_came_from(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("RAGSTONE_TOP_K=9\nRAGSTONE_PORT=1111\nragstone_model=m\n")
    monkeypatch.chdir(tmp_path)
    environment = {"RAGSTONE_PORT": "2222"}
    monkeypatch.setenv("RAGSTONE_PORT", "2222")
    flags = {"data_dir": tmp_path, "port": None}
    settings = Settings(data_dir=tmp_path)
    rows = {
        row.name: row
        for row in report(settings, flags, environment, read_env_file(tmp_path / ".env"))
    }
    assert (rows["data_dir"].value, rows["data_dir"].origin) == (str(tmp_path), "flag")
    assert (rows["port"].value, rows["port"].origin) == ("2222", "environment")
    assert (rows["top_k"].value, rows["top_k"].origin) == ("9", ".env")
    assert (rows["model"].value, rows["model"].origin) == ("m", ".env")
    assert (rows["host"].value, rows["host"].origin) == ("127.0.0.1", "default")
    assert rows["port"].variable == "RAGSTONE_PORT"
    assert all(row.description for row in rows.values())
    assert set(rows) == set(Settings.model_fields)


@pytest.mark.parametrize(
    ("name", "value", "seen"),
    [
        ("database_url", "postgresql://me:secret@db:5432/x", f"postgresql://me:{MASK}@db:5432/x"),
        ("database_url", "postgresql://db/x", "postgresql://db/x"),
        ("queue_url", "redis://:secret@cache:6379/0", f"redis://:{MASK}@cache:6379/0"),
        ("api_key", "sk-123", MASK),
        (
            "database_url",
            "postgresql://db/x?user=me&password=hush&a=b",
            f"postgresql://db/x?user=me&password={MASK}&a=b",
        ),
        ("chroma_url", "http://c/?X_API_Key=hush#there", f"http://c/?X_API_Key={MASK}#there"),
        ("queue_url", "redis://:hush@[cache/0", MASK),
        ("chroma_url", "http://[cache", "http://[cache"),
        ("model", None, ""),
        ("allowed_hosts", ("a", "b"), "a, b"),
        ("port", 8484, "8484"),
    ],
)
def test_secrets_are_masked(name, value, seen):
    assert shown(name, value) == seen


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("RAGSTONE_ALLOWED_HOSTS", "docs.example", ["RAGSTONE_ALLOWED_HOSTS", '["a", "b"]']),
        ("RAGSTONE_PORT", "many", ["RAGSTONE_PORT", "integer", "'many'"]),
        ("RAGSTONE_TOP_K", "0", ["RAGSTONE_TOP_K", "greater than or equal to 1"]),
    ],
)
def test_a_wrong_setting_is_a_sentence_that_names_it(tmp_path, monkeypatch, variable, value, says):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, value)
    with pytest.raises((ValidationError, SettingsError)) as wrong:
        Settings()
    sentence = sentence_of(wrong.value)
    assert sentence
    assert all(part in sentence for part in says)


def test_another_programs_wrong_values_are_no_setting_of_ours():
    with pytest.raises(ValidationError) as wrong:
        TypeAdapter(int).validate_python("x")
    assert sentence_of(wrong.value) is None
    assert sentence_of(RuntimeError("a defect")) is None


def test_config_prints_a_table_and_json(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAGSTONE_QUEUE_URL", "redis://:hush@cache/0")
    config(port=1234)
    said = capsys.readouterr().out
    assert "RAGSTONE_PORT" in said
    assert "1234" in said
    assert "hush" not in said
    config(as_json=True)
    rows = {row["variable"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["RAGSTONE_QUEUE_URL"]["origin"] == "environment"


def test_no_env_file_is_no_settings(tmp_path):
    assert config_report.read_env_file(tmp_path / ".env") == {}


def test_the_example_file_has_every_setting_as_it_is():
    committed = (ROOT / ".env.example").read_text()
    assert committed == env_example.example(), "the settings changed: make env-example"


@pytest.mark.parametrize(
    ("environment", "url", "port", "expected"),
    [
        ({}, None, None, "http://127.0.0.1:8484"),
        ({}, None, 9000, "http://127.0.0.1:9000"),
        ({"RAGSTONE_PORT": "7000"}, None, None, "http://127.0.0.1:7000"),
        ({"RAGSTONE_PORT": "7000"}, None, 9000, "http://127.0.0.1:9000"),
        ({"RAGSTONE_HOST": "0.0.0.0"}, None, None, "http://127.0.0.1:8484"),
        ({"RAGSTONE_HOST": "::1"}, None, None, "http://[::1]:8484"),
        ({}, "http://far:1/", None, "http://far:1"),
        ({}, "http://far:1", 9000, "http://127.0.0.1:9000"),
    ],
)
def test_where_the_service_is(environment, url, port, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert service_url(url, port) == expected


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.md", "b/a.md", "b/c.txt", "b/.git/config", ".hidden.md", "d/e/f.pdf"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        (["a.md"], ["a.md"]),
        (["b"], ["a.md", "c.txt"]),
        (["."], ["a.md", "b_a.md", "c.txt", "f.pdf"]),
        (["b/*.txt"], ["c.txt"]),
        (["**/*.pdf"], ["f.pdf"]),
        (["a.md", "a.md", "./b/../a.md"], ["a.md"]),
        (["b/c.txt", "b"], ["c.txt", "a.md"]),
        ([], []),
    ],
)
def test_which_files_are_meant(tree, monkeypatch, targets, names):
    monkeypatch.chdir(tree)
    found = find_files(targets)
    assert [name for name, _ in found] == names
    assert all(path.is_file() for _, path in found)


def test_two_files_of_one_name_are_told_apart(tree):
    found = find_files([str(tree / "a.md"), str(tree / "b" / "a.md")])
    assert len({name for name, _ in found}) == 2
    assert all(name.endswith("a.md") for name, _ in found)


@pytest.mark.parametrize("target", ["gone.txt", "*.gone", "empty"])
def test_a_target_without_files_is_an_error(tree, monkeypatch, target):
    monkeypatch.chdir(tree)
    with pytest.raises(NoSuchFiles, match=target.replace("*", r"\*")):
        find_files(["a.md", target])
