"""`ragstone eval`: run, compare, retrieval, datasets, report."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer
from rich.console import Console

from app.client import ClientError
from evals import dataset as datasets
from evals import report as html_report
from evals import result_file
from evals.compare import DEFAULT_LIMITS, parse_limit
from evals.compare import compare as compare_results
from evals.errors import EvalError, ResultError
from evals.retrieval_run import MODES, RetrievalOptions, retrieval_run
from evals.session import SessionOptions, session
from evals.terminal import (
    Bar,
    JsonLines,
    Quiet,
    Reporter,
    differences_table,
    metrics_table,
    retrieval_table,
)

P = ParamSpec("P")
app = typer.Typer(no_args_is_help=True, help="Measure answers, retrieval and speed.")

Url = Annotated[
    str | None,
    typer.Option(help="Address of a running service; default: the local one, else one is started."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
DatasetName = Annotated[
    str, typer.Option(help="Name of a shipped dataset, or a folder or .jsonl file.")
]
CollectionName = Annotated[
    str | None, typer.Option(help="Ask this collection instead of the dataset's own documents.")
]
TopK = Annotated[int | None, typer.Option(min=1, help="Passages for each answer.")]
Mode = Annotated[str | None, typer.Option(help="hybrid, dense or keyword.")]
Strategy = Annotated[str | None, typer.Option(help="Way of answering.")]
Model = Annotated[str | None, typer.Option(help="Language model that answers.")]
JudgeModel = Annotated[
    str | None, typer.Option(help="Model that also judges faithfulness, e.g. smollm2:135m.")
]
JudgeUrl = Annotated[
    str | None, typer.Option(help="Ollama of the judge; default: the service's own.")
]
Concurrency = Annotated[int, typer.Option(min=1, max=32, help="Questions at once.")]
Out = Annotated[Path | None, typer.Option(help="Folder for result.json and report.html.")]


def main() -> None:
    """Run `python -m evals`."""
    app(prog_name="ragstone eval")


def plain_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Turn our errors into a sentence on standard error and exit code 2."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (EvalError, ClientError) as exc:
            if kwargs.get("json_progress"):
                JsonLines().write("error", message=str(exc))
            typer.echo(f"ragstone eval: {exc}", err=True)
            raise typer.Exit(2) from exc

    return wrapped


@app.command()
@plain_errors
def run(  # one flag a line: the signature is the command's help
    dataset: DatasetName = "ragstone",
    url: Url = None,
    collection: CollectionName = None,
    top_k: TopK = None,
    mode: Mode = None,
    strategy: Strategy = None,
    model: Model = None,
    judge: JudgeModel = None,
    judge_url: JudgeUrl = None,
    concurrency: Concurrency = 1,
    out: Out = None,
    as_json: AsJson = False,
    json_progress: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Ask every question of a dataset, score what comes back, and write result and report.

    Exit code 1 when a question could not be asked or a scorer crashed.
    """
    options = SessionOptions(
        dataset=dataset,
        url=url,
        collection=collection,
        top_k=top_k,
        mode=mode,
        strategy=strategy,
        model=model,
        judge=judge,
        judge_url=judge_url,
        concurrency=concurrency,
    )
    reporter, live = _reporter(as_json, json_progress)
    with live:
        result = session(options, reporter)
    if out is None and not (as_json or json_progress):
        out = Path("eval-results") / f"{result['dataset']}-{_stamp(result['started_at'])}"
    if out is not None:
        result_file.save(result, out / "result.json")
        (out / "report.html").write_text(html_report.html(result), encoding="utf-8")
    _show(result, out, as_json, json_progress)
    if result["failures"]:
        typer.echo(f"ragstone eval: {result['failures']} cases had a failure", err=True)
        raise typer.Exit(1)


def _show(result: dict[str, Any], out: Path | None, as_json: bool, json_progress: bool) -> None:
    if json_progress:
        JsonLines().write("result", result=result)
    elif as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, indent=1))
    else:
        Console().print(metrics_table(result["metrics"]))
        Console().print(f"result and report: {out}", markup=False)


@app.command()
@plain_errors
def compare(
    before: Annotated[Path, typer.Argument(help="result.json of the older run, or its folder.")],
    after: Annotated[Path, typer.Argument(help="result.json of the newer run, or its folder.")],
    max_drop: Annotated[
        list[str] | None,
        typer.Option(help="METRIC=AMOUNT that it may get worse, e.g. mrr=0.02 or total_ms=30%."),
    ] = None,
    other_dataset: Annotated[
        bool, typer.Option(help="Compare although the datasets differ, over common cases.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the differences of two runs; exit code 1 when a metric got worse than its limit."""
    old, new = result_file.read(before), result_file.read(after)
    if old["dataset_version"] != new["dataset_version"] and not other_dataset:
        raise ResultError(
            f"the runs asked different datasets ({old['dataset']} {old['dataset_version']}, "
            f"{new['dataset']} {new['dataset_version']}); --other-dataset compares them anyway"
        )
    measured = set(old["metrics"]) | set(new["metrics"])
    limits = {name: limit for name, limit in DEFAULT_LIMITS.items() if name in measured}
    limits |= dict(parse_limit(text) for text in max_drop or [])
    differences = compare_results(old, new, limits)
    regressed = [d.metric for d in differences if d.regressed]
    if as_json:
        found = {"regressed": regressed, "differences": [asdict(d) for d in differences]}
        typer.echo(json.dumps(found, indent=1))
    else:
        Console().print(differences_table(differences))
    if regressed:
        typer.echo(f"ragstone eval: worse than allowed: {', '.join(regressed)}", err=True)
        raise typer.Exit(1)


@app.command()
@plain_errors
def retrieval(
    folder: Annotated[
        Path, typer.Argument(help="Folder with corpus.jsonl.gz, queries.jsonl.gz, qrels.tsv.")
    ],
    mode: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(MODES)}; repeatable; default all.")
    ] = None,
    run_file: Annotated[
        Path | None, typer.Option(help="TREC run file; with several modes, one for each.")
    ] = None,
    url: Url = None,
    keep: Annotated[
        bool, typer.Option(help="Leave the collection there, to be used again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Score retrieval on a published set, in a throw-away collection."""
    options = RetrievalOptions(folder, tuple(mode or MODES), run_file, url, keep)
    reporter, live = _reporter(as_json, json_progress=False)
    with live:
        found = retrieval_run(options, reporter)
    if as_json:
        typer.echo(
            json.dumps(
                {name: {m: asdict(s) for m, s in values.items()} for name, values in found.items()},
                indent=1,
            )
        )
    else:
        Console().print(retrieval_table(found))


@app.command(name="datasets")
@plain_errors
def list_datasets(as_json: AsJson = False) -> None:
    """List the datasets that come with Ragstone."""
    rows = []
    for name in datasets.shipped():
        found = datasets.load(name)
        rows.append(
            {
                "name": name,
                "version": found.version,
                "cases": len(found.cases),
                "unanswerable": sum(not case.answerable for case in found.cases),
                "documents": len(found.corpus),
            }
        )
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        typer.echo(
            f"{row['name']}  {row['cases']} questions, {row['unanswerable']} without an answer, "
            f"{row['documents']} documents, version {row['version']}"
        )


@app.command()
@plain_errors
def report(
    result: Annotated[Path, typer.Argument(help="result.json of a run, or its folder.")],
    out: Annotated[Path | None, typer.Option(help="HTML file to write.")] = None,
) -> None:
    """Write the HTML report of a result again."""
    folder = result if result.is_dir() else result.parent
    target = out or folder / "report.html"
    target.write_text(html_report.html(result_file.read(result)), encoding="utf-8")
    typer.echo(str(target))


def _reporter(
    as_json: bool, json_progress: bool
) -> tuple[Reporter, AbstractContextManager[object]]:
    if json_progress:
        return JsonLines(), nullcontext()
    if as_json:
        return Quiet(), nullcontext()
    bar = Bar(Console(stderr=True))
    return bar, bar.live()


def _stamp(started_at: str) -> str:
    return started_at[:19].replace(":", "").replace("T", "-")
