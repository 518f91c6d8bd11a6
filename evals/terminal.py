"""What a run says while it goes: a bar with running means for people, JSON lines for programs."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from evals.compare import Difference
from evals.metrics import metric
from evals.records import CaseResult, Score, Summary
from evals.statistics import summarise

RUNNING = {
    "hit@5": "found",
    "quoted_contains": "right",
    "right_abstention": "silent",
}


class Reporter(Protocol):
    """Hears of everything that happens in a run."""

    def say(self, text: str) -> None:
        """Tell a person what is going on."""
        ...

    def step(self, what: str, done: int, total: int) -> None:
        """Progress of documents, queries or the judge."""
        ...

    def case(self, done: int, total: int, result: CaseResult) -> None:
        """Progress of the questions."""
        ...


class Bar:
    """A rich progress bar on standard error, so that standard output stays the result's."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}", table_column=Column(no_wrap=True, min_width=12)),
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[means]}"),
            console=console,
        )
        self._tasks: dict[str, Any] = {}
        self._scores: dict[str, list[Score]] = {name: [] for name in RUNNING}

    @contextmanager
    def live(self) -> Iterator["Bar"]:
        """Show the bar while the block runs."""
        with self._progress:
            yield self

    def say(self, text: str) -> None:
        """Print above the bar."""
        self._console.print(text, markup=False, highlight=False)

    def step(self, what: str, done: int, total: int) -> None:
        """Move the bar of that step."""
        self._move(what, done, total, "")

    def case(self, done: int, total: int, result: CaseResult) -> None:
        """Move the bar of the questions, with the means so far; name what crashed."""
        for name, scores in self._scores.items():
            if name in result.scores:
                scores.append(result.scores[name])
        for failure in result.failures:
            self.say(f"{result.case.id}: {failure.where}: {failure.error}: {failure.message}")
        means = {name: summarise(scores).mean for name, scores in self._scores.items()}
        shown = [f"{RUNNING[name]} {mean:.2f}" for name, mean in means.items() if mean is not None]
        self._move("questions", done, total, " ".join(shown))

    def _move(self, what: str, done: int, total: int, means: str) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total, means="")
        self._progress.update(self._tasks[what], completed=done, total=total, means=means)


class JsonLines:
    """One JSON object a line on standard output, each with `event`; read by the service."""

    def say(self, text: str) -> None:
        """Write a note."""
        self.write("note", text=text)

    def step(self, what: str, done: int, total: int) -> None:
        """Write the progress of a step."""
        self.write("step", what=what, done=done, total=total)

    def case(self, done: int, total: int, result: CaseResult) -> None:
        """Write the progress of the questions."""
        self.write("progress", done=done, total=total, case=result.case.id)

    def write(self, event: str, **fields: Any) -> None:
        """Write a line and send it off at once."""
        print(json.dumps({"event": event, **fields}, ensure_ascii=False), flush=True)


class Quiet:
    """Says nothing but notes on standard error, for --json."""

    def say(self, text: str) -> None:
        """Print to standard error."""
        print(text, file=sys.stderr)

    def step(self, what: str, done: int, total: int) -> None:
        """Keep silent."""

    def case(self, done: int, total: int, result: CaseResult) -> None:
        """Keep silent."""


def metrics_table(metrics: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return the metrics of a result as a table."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("metric", "mean", "± s.e.", "p50", "p95", "max", "scored", "not"):
        table.add_column(column, justify="left" if column == "metric" else "right", no_wrap=True)
    for name, values in metrics.items():
        digits = 0 if metric(name).unit == "ms" else 3
        parts = [_number(values.get(part), digits) for part in ("mean", "stderr")]
        parts += [_number(values.get(part), 0) for part in ("p50", "p95", "max")]
        table.add_row(name, *parts, str(values["n"]), str(values["unscored"]))
    return table


def retrieval_table(summaries: Mapping[str, Mapping[str, Summary]]) -> Table:
    """Return the metrics of each mode as a table."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("mode")
    names = list(next(iter(summaries.values())))
    for name in names:
        table.add_column(name, justify="right")
    for mode, values in summaries.items():
        cells = [
            f"{_number(values[name].mean, 4)} ± {_number(values[name].stderr, 4)}" for name in names
        ]
        table.add_row(mode, *cells)
    return table


def differences_table(differences: list[Difference]) -> Table:
    """Return a comparison as a table; what passed its limit is red."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("metric", "before", "after", "change", "± s.e.", "limit", "cases"):
        table.add_column(column, justify="left" if column == "metric" else "right")
    for d in differences:
        digits = 0 if metric(d.metric).unit == "ms" else 3
        numbers = [_number(value, digits) for value in (d.before, d.after)]
        change = f"{d.change:+,.{digits}f}"
        rest = [_number(value, digits) for value in (d.stderr, d.limit)]
        style = "bold red" if d.regressed else ""
        table.add_row(d.metric, *numbers, change, *rest, str(d.n), style=style)
    return table


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
