"""`ragstone ask`: the answer as it comes, then its sentences' verdicts and its sources."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands.filters import After, Before, OnlyDocument, OnlyType, filters_of
from app.commands.options import AsJson, CollectionName, Port, Url, connect
from app.commands.output import console, fail, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.text import Text

    from app.client import Event, QueryOptions
    from app.client.records import Answer, Sentence, Source

MARKS = {
    "supported": ("✓", "green"),
    "partial": ("~", "yellow"),
    "unsupported": ("✗", "red"),
    "not_checked": ("·", "default"),
}
QUOTE_LENGTH = 240


def ask(  # each argument is a flag of the command
    question: Annotated[
        list[str] | None, typer.Argument(help="The question; from standard input if absent.")
    ] = None,
    collection: CollectionName = "default",
    top_k: Annotated[int | None, typer.Option(help="Passages to retrieve.", min=1, max=50)] = None,
    model: Annotated[str | None, typer.Option(help="Language model that answers.")] = None,
    strategy: Annotated[str | None, typer.Option(help="Way of answering.")] = None,
    mode: Annotated[str | None, typer.Option(help="hybrid, dense or keyword.")] = None,
    document: OnlyDocument = None,
    media_type: OnlyType = None,
    after: After = None,
    before: Before = None,
    url: Url = None,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Ask a question about your documents."""
    text = " ".join(question) if question else _from_stdin()
    if not text.strip():
        raise fail('ask something:  ragstone ask "How many days of leave are there?"', 2)
    options: QueryOptions = {
        "collection": collection,
        "top_k": top_k,
        "model": model,
        "strategy": strategy,
        "mode": mode,
        "filters": filters_of(document, media_type, after, before),
    }
    with connect(url, port) as client:
        if as_json:
            print_json(client.query(text, options))
        else:
            show_stream(client.query_events(text, options), console())


def _from_stdin() -> str:
    return "" if sys.stdin.isatty() else sys.stdin.read()


def show_stream(events: "Iterable[Event]", out: "Console") -> None:
    """Show the words as they come; the checked answer takes their place when it is there."""
    from rich.live import Live
    from rich.text import Text

    said = Text("", "dim")
    with Live(said, console=out, transient=True) as live:
        for name, data in events:
            if name == "token":
                live.update(said.append(data["text"]))
            elif name == "answer":
                live.stop()
                show_answer(data, out)


def show_answer(answer: "Answer", out: "Console") -> None:
    """Print an answer, its sentences' verdicts, and the sources it rests on."""
    out.print()
    out.print(answer["answer"])
    out.print()
    if answer["status"] == "abstained" and answer["sources"]:
        out.print("Closest passages:", style="yellow")
    for sentence in answer["sentences"]:
        out.print(sentence_line(sentence))
    cited = [source for source in answer["sources"] if source.get("cited")]
    for source in cited or answer["sources"]:
        out.print(source_lines(source))
    out.print(_footer(answer), style="dim")


def sentence_line(sentence: "Sentence") -> "Text":
    """Return a sentence with its verdict, and the best evidence where it is not supported."""
    from rich.text import Text

    mark, style = MARKS[sentence["verdict"]]
    line = Text().append(f"  {mark} {sentence['verdict'].replace('_', ' '):<12}", style)
    line.append(_short(sentence["text"]))
    quote = sentence.get("quote")
    if sentence["verdict"] != "supported" and quote:
        line.append(f"\n                  evidence: “{_short(quote)}”", "italic")
    return line


def source_lines(source: "Source") -> "Text":
    """Return a source: number, document, page, and the quote it stands for."""
    from rich.text import Text

    line = Text().append(f"  [{source['n']}] ", "bold").append(source["document_name"], "cyan")
    if page := source.get("page"):
        line.append(f", page {page}")
    return line.append(f"\n      “{_short(source.get('quote') or source['text'])}”", "italic")


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= QUOTE_LENGTH else f"{flat[: QUOTE_LENGTH - 1]}…"


def _footer(answer: "Answer") -> str:
    timings: dict[str, Any] = answer["timings"]
    first = timings.get("first_token_ms", 0) / 1e3
    model = f"{answer['model']} · first word {first:.2f} s" if first else "no model was asked"
    return f"  {model} · total {timings.get('total_ms', 0) / 1e3:.2f} s"
