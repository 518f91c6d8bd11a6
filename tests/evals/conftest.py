"""A fake service over real HTTP, and a small dataset for it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.client import Client
from tests.evals.fake_service import Shelf, fake_app, serving

CASES = [
    {"id": "leave", "question": "How many days of leave are there?", "answers": ["28 days"],
     "sources": [{"document": "staff.md", "quote": "28 days of leave"}], "tags": ["hr"]},
    {"id": "oil", "question": "Which oil goes into the gearbox?", "answers": ["VG 220"],
     "sources": [{"document": "mill.md", "quote": "gearbox oil is VG 220"}], "tags": ["mill"]},
    {"id": "zh", "question": "年假有多少天？", "answers": ["12 天"], "language": "zh",
     "sources": [{"document": "zh.md", "quote": "年假 12 天"}]},
    {"id": "moon", "question": "Zzyzx?", "answerable": False, "tags": ["no"]},
]  # fmt: skip
CORPUS = {
    "staff.md": "There are 28 days of leave a year.\nWork starts at nine.",
    "mill.md": "The gearbox oil is VG 220.\nThe die turns clockwise.",
    "zh.md": "员工享有年假 12 天。",
}


@pytest.fixture
def shelf() -> Shelf:
    """What the fake service knows."""
    return Shelf()


@pytest.fixture
def url(shelf: Shelf) -> Iterator[str]:
    """Address of a running fake service."""
    with serving(fake_app(shelf)) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    """A client of the fake service."""
    with Client(url, timeout=10) as made:
        yield made


@pytest.fixture
def dataset_folder(tmp_path: Path) -> Path:
    """A dataset of four cases and three documents."""
    folder = tmp_path / "tiny"
    (folder / "corpus").mkdir(parents=True)
    write_cases(folder / "cases.jsonl", CASES)
    for name, text in CORPUS.items():
        (folder / "corpus" / name).write_text(text, encoding="utf-8")
    return folder


def write_cases(path: Path, cases: list[dict[str, object]]) -> None:
    """Write cases as JSON lines."""
    lines = (json.dumps(case, ensure_ascii=False) for case in cases)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
