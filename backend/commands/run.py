"""`run`: one answer to a prompt, the vector of an embedding model, or a chat."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from backend.commands.answer import AnswerPrinter
from backend.commands.asking import RunOptions, can, stream_answer
from backend.commands.errors import CommandFailed, Refused
from backend.commands.flags import at_least
from backend.commands.options import Insecure, Words, connected
from backend.commands.pictures import take_pictures
from backend.commands.progress import waiting
from backend.commands.server import Server
from backend.commands.timings import timings
from backend.commands.transfers import pull_model
from backend.durations import parse_duration

THINK_LEVELS = ("high", "medium", "low", "max")
NO_TEXT = 'embedding models require input text. Usage: ragstone model run {} "your text here"'


@dataclass(frozen=True, slots=True)
class EmbedOptions:
    """What is asked of an embedding model; None leaves `truncate` to the server, 0 the size."""

    truncate: bool | None = None
    dimensions: int = 0


def run(
    model: Annotated[Words, typer.Argument(metavar="MODEL [PROMPT]", hidden=True)] = None,
    keepalive: Annotated[str, typer.Option(help="How long the model stays, e.g. 5m.")] = "",
    verbose: Annotated[bool, typer.Option("--verbose", help="Show timings.")] = False,
    insecure: Insecure = False,
    nowordwrap: Annotated[bool, typer.Option("--nowordwrap", help="Break no lines.")] = False,
    format_: Annotated[str, typer.Option("--format", help='"json", or a JSON schema.')] = "",
    think: Annotated[
        str | None, typer.Option(help="Alone, or =false, =high, =medium, =low, =max.")
    ] = None,
    hidethinking: Annotated[bool, typer.Option("--hidethinking", help="Hide thinking.")] = False,
    truncate: Annotated[
        bool | None, typer.Option("--truncate/--no-truncate", help="Cut what is too long to embed.")
    ] = None,
    dimensions: Annotated[int, typer.Option(help="Numbers of an embedding model's vector.")] = 0,
) -> None:
    """Run a model: answer a prompt, or chat."""
    name, *words = at_least(model, 1)
    options = RunOptions(
        format=format_,
        keep_alive=keep_alive_value(keepalive),
        verbose=verbose,
        wrap=not nowordwrap,
        think=think_value(think),
        hide_thinking=hidethinking,
    )
    with connected() as server:
        piped = piped_in()
        shown = shown_or_pulled(server, name, insecure=insecure)
        if options.think is None and can(shown, "thinking"):
            options.think = True
        prompt = " ".join([piped, *words] if piped else words)
        if can(shown, "embedding"):
            embed(server, name, prompt, EmbedOptions(truncate, dimensions), options.keep_alive)
        elif not prompt and on_terminal():
            from backend.commands.chat.loop import chat

            chat(server, name, shown, options)
        else:
            text, pictures = take_pictures(prompt) if can(shown, "vision") else (prompt, [])
            generate(server, name, text, pictures, options)


def piped_in() -> str:
    """What standard input holds, where it is neither a terminal nor closed."""
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    return sys.stdin.buffer.read().decode("utf-8", "replace")


def on_terminal() -> bool:
    """Whether a person is at both ends."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def generate(
    server: Server, name: str, prompt: str, pictures: Sequence[str], options: RunOptions
) -> None:
    """Print the answer to one prompt; an empty one only loads. Ctrl-C ends it without an error."""
    body = options.body(name) | {"prompt": prompt, "stream": True}
    if pictures:
        body["images"] = list(pictures)
    with waiting() as sign:
        printer = AnswerPrinter(sign, wrap=options.wrap, hide_thinking=options.hide_thinking)
        whole = stream_answer(server, "/api/generate", body, printer)
    if not whole:
        if sys.stdout.isatty():  # the shell's prompt is to stand on a line of its own
            print()
        return
    if prompt:
        print("\n")
    if options.verbose:
        sys.stderr.write(timings(printer.last))


def embed(
    server: Server, name: str, prompt: str, options: EmbedOptions, keep_alive: str = ""
) -> None:
    """Print the vector of the text as JSON; raises CommandFailed where there is no text."""
    if not prompt:
        raise CommandFailed(NO_TEXT.format(name))
    body: dict[str, Any] = {"model": name, "input": prompt}
    if keep_alive:
        body["keep_alive"] = keep_alive
    if options.truncate is not None:
        body["truncate"] = options.truncate
    if options.dimensions > 0:
        body["dimensions"] = options.dimensions
    vectors = server.post("/api/embed", body).get("embeddings") or []
    if not vectors:
        raise CommandFailed("no embeddings returned")
    print(json.dumps(vectors[0], separators=(",", ":")))


def shown_or_pulled(server: Server, name: str, *, insecure: bool) -> dict[str, Any]:
    """The answer of /api/show, after a pull where the model was not there."""
    try:
        return server.post("/api/show", {"model": name})
    except Refused as refusal:
        if refusal.status != 404:
            raise
    pull_model(server, name, insecure=insecure)
    return server.post("/api/show", {"model": name})


def think_value(text: str | None) -> bool | str | None:
    """What `--think` asks for; None where it was not given."""
    if text is None or text in THINK_LEVELS:
        return text
    if text in ("", "true", "false"):
        return text != "false"
    raise CommandFailed(
        f'invalid value for --think: "{text}" (must be true, false, high, medium, low, or max)'
    )


def keep_alive_value(text: str) -> str:
    """The duration of `--keepalive`, checked here so that a slip costs no load."""
    try:
        if text:
            parse_duration(text)
    except ValueError as error:
        raise CommandFailed(str(error)) from error
    return text
