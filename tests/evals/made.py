"""Results made by hand, for what reads results."""

from typing import Any

from evals.records import Case, CaseResult, Exchange, Failure, Retrieved, RunResult, Score, Sentence
from evals.result_file import to_json

EVIL = '<script>alert("x")</script>'


def result(values: dict[str, dict[str, float | None]], dataset: str = "tiny") -> dict[str, Any]:
    """Return the JSON of a run with case id → metric → value."""
    cases = tuple(
        CaseResult(
            Case(case, f"What is {case}?", answers=("it",)),
            Exchange((), "it [1]", "it", abstained=False, model="fake"),
            {name: Score(value) for name, value in scores.items()},
        )
        for case, scores in values.items()
    )
    return to_json(RunResult(dataset, f"{dataset}-1", "2026-01-01T00:00:00", "2026-01-01T00:01:00",
                             {"answer": "1"}, cases, {"commit": "abc"}))  # fmt: skip


def evil_result() -> dict[str, Any]:
    """Return a run in which everything that can hold text holds markup."""
    passage = Retrieved(f"{EVIL}.md", f"text {EVIL}", 0.5, 2, quote=f"quote {EVIL}", cited=True)
    exchange = Exchange(
        passages=(passage,),
        answer=f"answer {EVIL}",
        model_answer=f"own {EVIL}",
        abstained=False,
        sources=(passage,),
        sentences=(Sentence(f"sentence {EVIL}", "unsupported", f"better {EVIL}"),),
        confidence=0.25,
        model=EVIL,
        timings={"total_ms": 12.0},
    )
    case = Case(f"id{EVIL}", f"question {EVIL}", (f"gold {EVIL}",), tags=(f"tag{EVIL}",))
    failed = CaseResult(Case("f", "fails?", ("x",)), None, {}, (Failure("ask", "E", EVIL),))
    scored = CaseResult(case, exchange, {"quoted_contains": Score(0.0), "total_ms": Score(12.0),
                                         "hit@5": Score(1.0)})  # fmt: skip
    return to_json(RunResult(EVIL, "v1", "2026-01-01", "2026-01-02", {EVIL: "1"}, (scored, failed),
                             {"commit": EVIL, "service": {"model": EVIL}}))  # fmt: skip
