"""The HTML report of a run: one file, nothing loaded from anywhere, everything escaped."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evals import plots
from evals.metrics import metric
from evals.result_file import by_tag
from evals.statistics import percentile

TAG_METRICS = ("hit@5", "mrr", "quoted_contains", "model_contains", "right_abstention",
               "wrong_abstention", "faithfulness")  # fmt: skip
LATENCIES = ("retrieve_ms", "first_token_ms", "generate_ms", "verify_ms", "engine_ms",
             "total_ms", "search_ms", "ask_ms")  # fmt: skip

VERDICTS = {
    "right": "the gold answer is in the answer or its cited quotes, or silence was right",
    "wrong": "answered, and neither the answer nor its cited quotes hold the gold answer",
    "silent": "answerable and not answered",
    "invented": "not answerable and answered",
    "failed": "could not be asked",
}


def verdict(case: Mapping[str, Any]) -> str:
    """Say in a word how a case went: failed, right, wrong, kept silent or spoke wrongly.

    right: answered with the gold answer in sight, or rightly silent. wrong: answered without
    it. silent: an answerable question not answered. invented: one answered that is not.
    """
    if case["exchange"] is None:
        return "failed"
    abstained = case["exchange"]["abstained"]
    if not case["answerable"]:
        return "right" if abstained else "invented"
    if abstained:
        return "silent"
    found = case["scores"].get("quoted_contains")
    return "wrong" if found == 0 else "right"


def html(result: Mapping[str, Any]) -> str:
    """Render the JSON of a run."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    cases = [{**case, "verdict": verdict(case)} for case in result["cases"]]
    tag_metrics = [name for name in TAG_METRICS if name in result["metrics"]]
    counts = {name: sum(case["verdict"] == name for case in cases) for name in VERDICTS}
    return environment.get_template("report.html.j2").render(
        result=result,
        cases=cases,
        counts=counts,
        meanings=VERDICTS,
        models=sorted({c["exchange"]["model"] for c in cases if c["exchange"]}),
        tags=by_tag(cases, tag_metrics),
        tag_metrics=tag_metrics,
        latencies={n: result["metrics"][n] for n in LATENCIES if "p50" in _metric(result, n)},
        title_of=lambda name: metric(name).title,
        # the plots escape their own labels
        shares=Markup(plots.bars(_bars(result["metrics"]))),  # noqa: S704
        latency=Markup(_latency(cases)),  # noqa: S704
        confidence=Markup(plots.confidences(_dots(cases))),  # noqa: S704
    )


def _metric(result: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = result["metrics"].get(name, {})
    return found


def _bars(metrics: Mapping[str, Mapping[str, Any]]) -> list[plots.Bar]:
    return [
        plots.Bar(name, values["mean"], values["stderr"], bad=not metric(name).higher_is_better)
        for name, values in metrics.items()
        if metric(name).unit == "share" and values["mean"] is not None
    ]


def _latency(cases: Sequence[Mapping[str, Any]]) -> str:
    taken = [case["scores"].get("total_ms") or case["scores"].get("ask_ms") for case in cases]
    values = [float(value) for value in taken if value]
    if not values:
        return ""
    marks = [("p50", percentile(values, 0.5)), ("p95", percentile(values, 0.95))]
    return plots.histogram(values, marks)


def _dots(cases: Sequence[Mapping[str, Any]]) -> list[plots.Dot]:
    return [
        plots.Dot(
            f"{case['id']}: {case['exchange']['confidence']:.3f}",
            case["exchange"]["confidence"],
            row=0 if case["answerable"] else 1,
            abstained=case["exchange"]["abstained"],
        )
        for case in cases
        if case["exchange"] and case["exchange"]["confidence"] is not None
    ]
