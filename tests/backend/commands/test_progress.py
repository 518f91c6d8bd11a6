"""Progress: plain lines where there is no terminal, rows and bars where there is one."""

import io
import re
from typing import Any

import pytest
from rich.console import Console

from backend.commands.bars import BarProgress, amounts
from backend.commands.progress import PlainProgress, show_all

DIGEST = "sha256:" + "a" * 64
PULL: list[dict[str, Any]] = [
    {"status": "pulling manifest"},
    {"status": "pulling aaaaaaaaaaaa", "digest": DIGEST, "total": 4_700_000_000},
    {"status": "pulling aaaaaaaaaaaa", "digest": DIGEST, "total": 4_700_000_000, "completed": 1},
    {
        "status": "pulling aaaaaaaaaaaa",
        "digest": DIGEST,
        "total": 4_700_000_000,
        "completed": 4_700_000_000,
    },
    {"status": "verifying sha256 digest"},
    {"status": "verifying sha256 digest"},
    {"status": "success"},
]


def test_plain_lines_say_each_thing_once(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainProgress() as display:
        show_all(display, PULL)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "pulling manifest",
        "pulling aaaaaaaaaaaa 4.7 GB",
        "pulling aaaaaaaaaaaa done",
        "verifying sha256 digest",
        "success",
    ]


def test_rows_on_a_terminal() -> None:
    out = io.StringIO()
    with BarProgress(Console(file=out, force_terminal=True, width=90)) as display:
        show_all(display, PULL)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    last = text.rpartition("pulling manifest")[2].splitlines()
    assert re.search(r"^pulling aaaaaaaaaaaa +100% ━+ 4.7 GB", last[1])
    assert [line.split()[0] for line in last[2:4]] == ["verifying", "success"]


def test_a_layer_that_is_there_already_is_a_full_bar() -> None:
    out = io.StringIO()
    line = {"status": "pulling b", "digest": "b", "total": 10, "completed": 10}
    with BarProgress(Console(file=out, force_terminal=True, width=90)) as display:
        display.show(line)
    assert "100%" in out.getvalue()


@pytest.mark.parametrize(
    ("done", "rate", "text"),
    [
        (0, None, "0 B/4.7 GB"),
        (1_200_000_000, 12_000_000.0, "1.2 GB/4.7 GB  12 MB/s  4m52s"),
        (1_200_000_000, 1000.0, "1.2 GB/4.7 GB  1 KB/s  99h+"),
        (1_200_000_000, 500_000.0, "1.2 GB/4.7 GB  500 KB/s  1h56m"),
        (4_699_000_000, 1_000_000.0, "4.7 GB/4.7 GB  1 MB/s  1s"),
        (4_700_000_000, 12_000_000.0, "4.7 GB"),
    ],
)
def test_what_stands_behind_a_bar(done: int, rate: float | None, text: str) -> None:
    assert amounts(done, 4_700_000_000, rate) == text
