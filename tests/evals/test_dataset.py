import json
from pathlib import Path

import pytest

from evals.dataset import load, shipped
from evals.errors import DatasetError
from evals.records import GoldSource

GOOD = {"id": "a", "question": "Why?", "answers": ["so"]}


def file_with(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_loads_a_folder_with_its_documents(dataset_folder: Path):
    data = load(str(dataset_folder))
    assert data.name == "tiny"
    assert [case.id for case in data.cases] == ["leave", "oil", "zh", "moon"]
    assert data.cases[0].sources == (GoldSource("staff.md", None, "28 days of leave"),)
    assert data.cases[2].language == "zh"
    assert not data.cases[3].answerable
    assert [path.name for path in data.corpus] == ["mill.md", "staff.md", "zh.md"]


def test_version_follows_cases_and_documents(dataset_folder: Path):
    first = load(str(dataset_folder))
    (dataset_folder / "corpus" / "mill.md").write_text("other", encoding="utf-8")
    second = load(str(dataset_folder))
    assert first.version != second.version
    assert first.corpus_version != second.corpus_version
    cases = dataset_folder / "cases.jsonl"
    cases.write_text(cases.read_text(encoding="utf-8").replace("Zzyzx?", "Who?"), encoding="utf-8")
    third = load(str(dataset_folder))
    assert third.version != second.version
    assert third.corpus_version == second.corpus_version


def test_a_file_alone_is_named_after_itself(tmp_path: Path):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(GOOD), encoding="utf-8")
    data = load(str(path))
    assert (data.name, data.corpus, data.corpus_version) == ("mine", (), "")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2, column 2: not JSON"),
        ("[]", "line 2: a case is a JSON object, not list"),
        ('{"question": "Why?"}', "line 2: `id` is missing"),
        ('{"id": "b"}', "line 2: `question` is missing"),
        ('{"id": "b", "question": " ", "answers": ["x"]}', "may not be empty"),
        ('{"id": 3, "question": "Why?"}', "`id` must be a string"),
        ('{"id": "b", "question": "Why?", "answer": "x"}', "unknown field 'answer'"),
        ('{"id": "b", "question": "Why?"}', "needs an answer or a source"),
        ('{"id": "b", "question": "?", "answers": "x"}', "`answers` must be a list"),
        ('{"id": "b", "question": "?", "answers": [""]}', "not empty"),
        ('{"id": "b", "question": "?", "answers": ["x"], "answerable": 1}', "true or false"),
        ('{"id": "b", "question": "?", "answers": ["x"], "answerable": false}', "neither answers"),
        ('{"id": "b", "question": "?", "sources": ["x"]}', "a source is an object"),
        ('{"id": "b", "question": "?", "sources": [{"page": 1}]}', "`document` is missing"),
        ('{"id": "b", "question": "?", "sources": [{"document": "d", "page": 0}]}', "from 1"),
        ('{"id": "b", "question": "?", "sources": [{"document": "d", "line": 3}]}', "'line'"),
        ('{"id": "a", "question": "?", "answers": ["x"]}', "'a' already stands in line 1"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, line: str, message: str):
    with pytest.raises(DatasetError) as raised:
        load(file_with(tmp_path, json.dumps(GOOD), line))
    assert message in str(raised.value)
    assert "line 2" in str(raised.value)


def test_empty_lines_are_passed_over(tmp_path: Path):
    assert len(load(file_with(tmp_path, "", json.dumps(GOOD), "  ")).cases) == 1


def test_an_empty_file_is_an_error(tmp_path: Path):
    with pytest.raises(DatasetError, match="holds no case"):
        load(file_with(tmp_path, ""))


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path):
    path = tmp_path / "cases.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="cannot be read"):
        load(str(path))


def test_an_unknown_name_lists_the_known(tmp_path: Path):
    with pytest.raises(DatasetError, match="ragstone"):
        load("nothing-of-the-sort")
    assert "ragstone" in shipped()
