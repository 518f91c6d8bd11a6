"""The whole run: ask every case over HTTP, score it, and keep what crashed beside the rest."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from app.client import Client
from evals.ask import AskOptions, ask
from evals.dataset import Dataset
from evals.provenance import commit, machine, service
from evals.records import Case, CaseResult, Failure, RunResult
from evals.scorer import Scorer, apply

Progress = Callable[[int, int, CaseResult], None]
"""Called with cases done, cases in all, and the case that was just finished."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`concurrency` questions are in flight at once; 1 measures latency undisturbed."""

    ask: AskOptions
    concurrency: int = 1


def evaluate(
    client: Client,
    dataset: Dataset,
    scorers: Sequence[Scorer],
    options: RunOptions,
    progress: Progress,
) -> RunResult:
    """Ask and score every case, in the dataset's order; a crash is a `Failure` of its case."""
    started = datetime.now(UTC)
    about = service(client)

    def one(case: Case) -> CaseResult:
        return evaluate_case(client, case, scorers, options.ask)

    finished: list[CaseResult] = []
    with _pool(options.concurrency) as pool:
        for result in pool.map(one, dataset.cases):
            finished.append(result)
            progress(len(finished), len(dataset.cases), result)
    return RunResult(
        dataset=dataset.name,
        dataset_version=dataset.version,
        started_at=started.isoformat(timespec="seconds"),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        scorers={scorer.name: scorer.version for scorer in scorers},
        cases=tuple(finished),
        provenance=_provenance(client.url, options, about),
    )


@contextmanager
def _pool(concurrency: int) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(concurrency, thread_name_prefix="eval")
    try:
        yield pool
    finally:  # after Ctrl-C, ask no more of the queued cases
        pool.shutdown(wait=True, cancel_futures=True)


def evaluate_case(
    client: Client, case: Case, scorers: Sequence[Scorer], options: AskOptions
) -> CaseResult:
    """Ask and score one case."""
    try:
        exchange = ask(client, case, options)
    except Exception as exc:  # noqa: BLE001 - one case's crash must not end the run
        return CaseResult(case, None, {}, (Failure("ask", type(exc).__name__, str(exc)),))
    scores, failures = apply(scorers, case, exchange)
    return CaseResult(case, exchange, scores, failures)


def _provenance(url: str, options: RunOptions, about: dict[str, Any]) -> dict[str, Any]:
    return {
        "url": url,
        "commit": commit(),
        "machine": machine(),
        "service": about,
        "options": {**asdict(options.ask), "concurrency": options.concurrency},
    }
