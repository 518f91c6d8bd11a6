"""Evaluation runs of the service: a child process whose lines become a row of the catalogue."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.errors import EvaluationBusy
from app.nightly import Nightly, event_of, own_url
from app.settings import Settings
from storage.catalogue import Catalogue
from storage.records import EvalRun, JobState

SECONDS = 30


def child(*lines: str, then: str = "") -> tuple[str, ...]:
    """Return a command that prints lines, then runs some Python."""
    script = "import sys, time\n" + "".join(f"print({line!r}, flush=True)\n" for line in lines)
    return (sys.executable, "-c", script + then)


def event(name: str, **fields: object) -> str:
    return json.dumps({"event": name, **fields})


PROGRESS = event("progress", done=2, total=5)
RESULT = event("result", result={"metrics": {"mrr": {"mean": 0.9}}})


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    made = Catalogue(f"sqlite:///{tmp_path / 'catalogue.sqlite3'}")
    yield made
    made.close()


class Clock:
    """Keeps what is scheduled, to be called by the test."""

    def __init__(self) -> None:
        self.scheduled: dict[str, tuple[str, Callable[[], None]]] = {}

    def __call__(self, name: str, cron: str, function: Callable[[], None]) -> None:
        self.scheduled[name] = (cron, function)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(catalogue: Catalogue, clock: Clock) -> Iterator[Callable[..., Nightly]]:
    """Make a Nightly over a given child; it is stopped after the test."""
    made: list[Nightly] = []

    def build(*command: str, **settings: object) -> Nightly:
        chosen = Settings(_env_file=None, **settings)  # type: ignore[call-arg]
        made.append(Nightly(catalogue, chosen, clock, command))
        return made[-1]

    yield build
    for nightly in made:
        nightly.stop()


def ended(nightly: Nightly, catalogue: Catalogue, run: EvalRun) -> EvalRun:
    assert nightly.wait(SECONDS)
    return catalogue.eval_runs.get(run.id)


def test_progress_and_result_are_stored(make: Callable[..., Nightly], catalogue: Catalogue):
    nightly = make(*child(event("note", text="hello"), PROGRESS, RESULT))
    run = ended(nightly, catalogue, nightly.begin("tiny"))
    assert run.state == JobState.SUCCEEDED
    assert (run.dataset, run.done, run.total) == ("tiny", 2, 5)
    assert run.result == {"metrics": {"mrr": {"mean": 0.9}}}
    assert run.finished_at is not None


def test_a_result_counts_even_when_some_cases_failed(
    make: Callable[..., Nightly], catalogue: Catalogue
):
    nightly = make(*child(RESULT, then="sys.exit(1)"))
    assert ended(nightly, catalogue, nightly.begin()).state == JobState.SUCCEEDED


@pytest.mark.parametrize(
    ("lines", "then", "message"),
    [
        ((event("error", message="no such dataset"),), "sys.exit(2)", "no such dataset"),
        (("Traceback: it broke",), "sys.exit(3)", "code 3: Traceback: it broke"),
        ((), "", "code 0: it said nothing"),
        (('{"event": "progress"}',), "", "KeyError"),
        (('["not an object"]', "last words"), "", "last words"),
    ],
)
def test_a_run_without_result_says_why(
    make: Callable[..., Nightly],
    catalogue: Catalogue,
    lines: tuple[str, ...],
    then: str,
    message: str,
):
    nightly = make(*child(*lines, then=then))
    run = ended(nightly, catalogue, nightly.begin())
    assert run.state == JobState.FAILED
    assert run.error
    assert run.error.code == "evaluation_failed"
    assert message in run.error.message


def test_a_child_that_cannot_start_fails_the_run(
    make: Callable[..., Nightly], catalogue: Catalogue
):
    nightly = make("/no/such/program")
    run = ended(nightly, catalogue, nightly.begin())
    assert run.error
    assert "FileNotFoundError" in run.error.message


def test_one_run_at_a_time(make: Callable[..., Nightly], catalogue: Catalogue):
    nightly = make(*child(PROGRESS, then="time.sleep(60)"))
    nightly.begin()
    with pytest.raises(EvaluationBusy):
        nightly.begin()
    nightly.tonight()  # says so in the log, and does not raise in the worker
    assert len(catalogue.eval_runs.list()) == 1


def test_the_next_run_may_begin_when_one_has_ended(
    make: Callable[..., Nightly], catalogue: Catalogue
):
    nightly = make(*child(RESULT))
    first = ended(nightly, catalogue, nightly.begin())
    second = ended(nightly, catalogue, nightly.begin())
    assert first.id != second.id
    assert len(catalogue.eval_runs.list()) == 2


def test_stopping_ends_the_child_and_says_so(make: Callable[..., Nightly], catalogue: Catalogue):
    nightly = make(*child(PROGRESS, then="time.sleep(60)"))
    run = nightly.begin()
    nightly.stop()
    stopped = catalogue.eval_runs.get(run.id)
    assert stopped.error
    assert stopped.error.code == "interrupted"
    with pytest.raises(EvaluationBusy):
        nightly.begin()


def test_the_crontab_starts_the_chosen_dataset(
    make: Callable[..., Nightly], catalogue: Catalogue, clock: Clock
):
    nightly = make(*child(RESULT), eval_cron="30 2 * * *", eval_dataset="mine")
    nightly.start()
    cron, tonight = clock.scheduled["evaluation"]
    assert cron == "30 2 * * *"
    tonight()
    assert nightly.wait(SECONDS)
    (run,) = catalogue.eval_runs.list()
    assert (run.dataset, run.state) == ("mine", JobState.SUCCEEDED)


def test_nothing_is_scheduled_by_default(make: Callable[..., Nightly], clock: Clock):
    make(*child(RESULT)).start()
    assert clock.scheduled == {}


def test_what_a_crash_left_open_is_closed_at_start(
    make: Callable[..., Nightly], catalogue: Catalogue
):
    run = catalogue.eval_runs.add("tiny")
    make(*child(RESULT)).start()
    closed = catalogue.eval_runs.get(run.id)
    assert closed.error
    assert closed.error.code == "interrupted"


def test_the_child_is_told_dataset_and_address(make: Callable[..., Nightly], catalogue: Catalogue):
    echo = "import json,sys; print(json.dumps({'event':'result','result':{'args':sys.argv[1:]}}))"
    nightly = make(sys.executable, "-c", echo, port=0)
    nightly.listens_at("http://127.0.0.1:4321")
    run = ended(nightly, catalogue, nightly.begin("tiny"))
    assert run.result == {"args": ["--dataset", "tiny", "--url", "http://127.0.0.1:4321"]}


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:99"),
        ("0.0.0.0", "http://127.0.0.1:99"),
        ("::", "http://[::1]:99"),
        ("box.local", "http://box.local:99"),
    ],
)
def test_own_url(host: str, url: str):
    assert own_url(Settings(_env_file=None, host=host, port=99)) == url  # type: ignore[call-arg]


@pytest.mark.parametrize("line", ["", "words", "[1]", "3", "{"])
def test_other_lines_are_no_events(line: str):
    assert event_of(line) == {}
