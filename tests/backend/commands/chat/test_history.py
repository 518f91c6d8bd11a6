"""The history file that is shared with `ollama`."""

from pathlib import Path

import pytest

from backend.commands.chat.history import LIMIT, FileOfLines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / ".ollama" / "history"


def test_lines_are_kept_one_a_line_for_the_owner_only(path: Path) -> None:
    history = FileOfLines(path, kept=True)
    for line in ("first", "second\npasted", " ", "größer"):
        history.append_string(line)
    assert path.read_text(encoding="utf-8") == "first\nsecond pasted\ngrößer\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["history"]


def test_lines_of_before_come_back_newest_first(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"old\n\n  blanks  \nbroken \xff\n")
    lines = FileOfLines(path, kept=True).load_history_strings()
    assert list(lines) == ["broken �", "blanks", "old"]


def test_the_oldest_lines_go(path: Path) -> None:
    history = FileOfLines(path, kept=True)
    for number in range(LIMIT + 3):
        history.append_string(f"line {number}")
    lines = path.read_text().splitlines()
    assert (len(lines), lines[0], lines[-1]) == (LIMIT, "line 3", f"line {LIMIT + 2}")


def test_nothing_is_written_while_it_is_not_kept(path: Path) -> None:
    history = FileOfLines(path, kept=False)
    history.append_string("secret")
    assert not path.exists()
    history.kept = True
    history.append_string("open")
    assert path.read_text() == "secret\nopen\n"


def test_a_place_where_nothing_can_be_written_costs_the_history_alone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    FileOfLines(tmp_path / "file" / "history", kept=True).append_string("line")
