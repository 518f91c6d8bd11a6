"""The JSON of a run: written, read back, and the one shape that report and compare read.

{format, dataset, dataset_version, started_at, finished_at, provenance, scorers,
 metrics:  {name: {mean, stderr, n, unscored, p50?, p95?, max?}},
 failures: count, cases: [{id, question, answers, sources, answerable, language, tags,
           exchange, scores: {name: number or null}, unscored: {name: reason}, failures}]}
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evals.errors import ResultError
from evals.metrics import METRICS, metric
from evals.records import CaseResult, RunResult, Score
from evals.statistics import percentile, summarise

FORMAT = 1


def to_json(result: RunResult) -> dict[str, Any]:
    """Return the run as plain JSON."""
    return {
        "format": FORMAT,
        "dataset": result.dataset,
        "dataset_version": result.dataset_version,
        "started_at": result.started_at,
        "finished_at": result.finished_at,
        "provenance": dict(result.provenance),
        "scorers": dict(result.scorers),
        "metrics": metrics(result.cases),
        "failures": sum(bool(case.failures) for case in result.cases),
        "cases": [_case(case) for case in result.cases],
    }


def _case(result: CaseResult) -> dict[str, Any]:
    return {
        **asdict(result.case),
        "exchange": asdict(result.exchange) if result.exchange else None,
        "scores": {name: score.value for name, score in result.scores.items()},
        "unscored": {
            name: score.reason for name, score in result.scores.items() if score.value is None
        },
        "failures": [asdict(failure) for failure in result.failures],
    }


def metrics(cases: Sequence[CaseResult]) -> dict[str, dict[str, Any]]:
    """Summarise every metric; a case that has none of it, because it crashed, is unscored."""
    names = {name for case in cases for name in case.scores}
    order = {name: place for place, name in enumerate(METRICS)}
    crashed = Score.unscored("no score")
    return {
        name: _summary(name, [case.scores.get(name, crashed) for case in cases])
        for name in sorted(names, key=lambda name: (order.get(name, len(order)), name))
    }


def _summary(name: str, scores: Sequence[Score]) -> dict[str, Any]:
    summary: dict[str, Any] = asdict(summarise(scores))
    values = [score.value for score in scores if score.value is not None]
    if values and metric(name).unit == "ms":
        summary |= {
            "p50": percentile(values, 0.5),
            "p95": percentile(values, 0.95),
            "max": max(values),
        }
    return summary


def by_tag(cases: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return each tag's number of cases and mean of each metric, from a result's cases."""
    tags = sorted({tag for case in cases for tag in case["tags"]})
    table: dict[str, dict[str, Any]] = {}
    for tag in tags:
        own = [case for case in cases if tag in case["tags"]]
        row: dict[str, Any] = {"cases": len(own)}
        for name in names:
            row[name] = summarise([Score(case["scores"].get(name)) for case in own]).mean
        table[tag] = row
    return table


def save(result: Mapping[str, Any], path: Path) -> None:
    """Write the JSON of a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """Read the JSON of a run; a folder stands for its result.json. ResultError says why not."""
    if path.is_dir():
        path = path / "result.json"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ResultError(f"{path} is not the result of an evaluation run: {exc}") from exc
    if not isinstance(result, dict) or result.get("format") != FORMAT:
        raise ResultError(f"{path} is not the result of an evaluation run (format {FORMAT})")
    return result
