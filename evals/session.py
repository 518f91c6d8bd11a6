"""A run from a dataset's name to its JSON: find a service, load the documents, ask, judge."""

from dataclasses import dataclass
from typing import Any

from app.client import Client
from evals import corpus, dataset, result_file
from evals.ask import AskOptions
from evals.dataset import Dataset
from evals.errors import EvalError
from evals.judge import LlamaIndexJudge, judge_run
from evals.run import RunOptions, evaluate
from evals.scorers import standard
from evals.started import service
from evals.terminal import Reporter

ANSWER_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What a person may choose; None leaves it to the dataset or the service."""

    dataset: str = "ragstone"
    url: str | None = None
    collection: str | None = None
    top_k: int | None = None
    mode: str | None = None
    strategy: str | None = None
    model: str | None = None
    judge: str | None = None
    judge_url: str | None = None
    concurrency: int = 1


def session(options: SessionOptions, reporter: Reporter) -> dict[str, Any]:
    """Do the whole run and return its JSON; raises EvalError or the client's errors."""
    chosen = dataset.load(options.dataset)
    with (
        service(options.url, reporter.say) as url,
        Client(url, timeout=ANSWER_SECONDS) as client,
    ):
        how = AskOptions(
            collection=_collection(client, chosen, options, reporter),
            top_k=options.top_k,
            mode=options.mode,
            strategy=options.strategy,
            model=options.model,
        )
        result = evaluate(
            client, chosen, standard(), RunOptions(how, options.concurrency), reporter.case
        )
        if options.judge:
            judge = LlamaIndexJudge(options.judge, _judge_url(options, result.provenance))
            reporter.say(f"judging with {options.judge}")
            result = judge_run(
                result, judge, lambda done, total: reporter.step("judged", done, total)
            )
    return result_file.to_json(result)


def _collection(
    client: Client, chosen: Dataset, options: SessionOptions, reporter: Reporter
) -> str:
    if options.collection or not chosen.corpus:
        return options.collection or "default"
    return corpus.ensure(
        client, chosen, lambda done, total: reporter.step("documents", done, total)
    )


def _judge_url(options: SessionOptions, provenance: Any) -> str:
    told = provenance["service"].get("ollama") or {}
    url = options.judge_url or (told.get("url") if isinstance(told, dict) else None)
    if not url:
        raise EvalError("the service does not say where its models run: give --judge-url")
    return str(url)
