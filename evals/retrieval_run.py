"""A retrieval set from its folder to its figures: fill, search, score, remove."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.client import Client
from evals import retrieval_sets
from evals.errors import EvalError
from evals.records import Summary
from evals.started import service
from evals.terminal import Reporter

MODES = ("dense", "keyword", "hybrid")
SEARCH_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class RetrievalOptions:
    """Which set, which modes, where the run file goes; `keep` leaves the collection there."""

    folder: Path
    modes: tuple[str, ...] = MODES
    run_file: Path | None = None
    url: str | None = None
    keep: bool = False


def retrieval_run(
    options: RetrievalOptions, reporter: Reporter
) -> Mapping[str, Mapping[str, Summary]]:
    """Return each mode's metrics; the corpus is embedded once for all modes."""
    unknown = [mode for mode in options.modes if mode not in MODES]
    if unknown:
        raise EvalError(f"there is no mode {unknown[0]!r}; there are {', '.join(MODES)}")
    data = retrieval_sets.load(options.folder)
    reporter.say(f"{data.name}: {len(data.documents)} documents, {len(data.queries)} queries")
    collection = f"eval-retrieval-{data.name}"
    with (
        service(options.url, reporter.say) as url,
        Client(url, timeout=SEARCH_SECONDS) as client,
    ):
        try:
            retrieval_sets.fill(client, collection, data.documents, reporter.step)
            return {
                mode: _mode(client, collection, data, mode, options, reporter)
                for mode in options.modes
            }
        finally:
            if not options.keep:
                client.delete_collection(collection)


def _mode(
    client: Client,
    collection: str,
    data: retrieval_sets.RetrievalSet,
    mode: str,
    options: RetrievalOptions,
    reporter: Reporter,
) -> dict[str, Summary]:
    run = retrieval_sets.search_all(
        client,
        collection,
        data,
        mode,
        lambda what, done, total: reporter.step(f"{mode} {what}", done, total),
    )
    if options.run_file:
        path = options.run_file
        if len(options.modes) > 1:
            path = path.with_name(f"{path.stem}.{mode}{path.suffix}")
        retrieval_sets.write_run(run, f"ragstone-{mode}", path)
    return retrieval_sets.score(run, data.judgements)
