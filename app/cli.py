"""The command line: which commands there are, and how errors leave it.

Exit codes: 0 done; 1 it failed, with a sentence on standard error; 2 wrongly used.
"""

import re
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from app.commands import collections, jobs
from app.commands.add import add
from app.commands.ask import ask
from app.commands.config import config
from app.commands.doctor import doctor
from app.commands.documents import docs, rm
from app.commands.evaluate import PASS_ON, evaluate
from app.commands.model import model
from app.commands.output import print_json
from app.commands.processes import BackendCommand, backend, worker
from app.commands.search import search
from app.commands.serve import serve

app = typer.Typer(
    help="Ask your own documents: every answer sourced, checked and measured.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
SERVICE, DOCUMENTS, CARE = "The service", "Your documents", "Care"

app.command(rich_help_panel=SERVICE)(serve)
app.command(cls=BackendCommand, rich_help_panel=SERVICE)(backend)
app.command(rich_help_panel=SERVICE)(worker)
app.command(context_settings=PASS_ON, rich_help_panel=SERVICE)(model)
app.command(rich_help_panel=DOCUMENTS)(add)
app.command(rich_help_panel=DOCUMENTS)(ask)
app.command(rich_help_panel=DOCUMENTS)(search)
app.command(rich_help_panel=DOCUMENTS)(docs)
app.command(rich_help_panel=DOCUMENTS)(rm)
app.add_typer(collections.app, name="collections", rich_help_panel=DOCUMENTS)
app.add_typer(jobs.app, name="jobs", rich_help_panel=DOCUMENTS)
app.command("eval", context_settings=PASS_ON, rich_help_panel=CARE)(evaluate)
app.command(rich_help_panel=CARE)(doctor)
app.command(rich_help_panel=CARE)(config)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"ragstone {version('ragstone')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Ask your own documents: every answer sourced, checked and measured."""


def main() -> None:
    """Run the command line; a known error is a sentence, an unknown one a traceback."""
    try:
        app(prog_name="ragstone")
    except Exception as error:  # the edge of the process: only errors with a sentence end here
        message = sentence_of(error)
        if message is None:
            raise
        if "--json" in sys.argv:
            print_json({"error": {"code": getattr(error, "code", "failed"), "message": message}})
        sys.exit(f"ragstone: {message}")


def sentence_of(error: Exception) -> str | None:
    """Return what to tell a person, None for an error that nobody foresaw."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from app.answering.errors import AnsweringError
    from app.client import ClientError
    from app.errors import AppError
    from storage.errors import StorageError

    if isinstance(error, ValidationError) and error.title == "Settings":
        return "; ".join(
            f"setting RAGSTONE_{'.'.join(map(str, wrong['loc'])).upper()}: {wrong['msg']}, "
            f"not {wrong['input']!r}"
            for wrong in error.errors()
        )
    if isinstance(error, SettingsError) and (named := re.search(r'field "(\w+)"', str(error))):
        variable = f"RAGSTONE_{named[1].upper()}"
        return f'setting {variable} is no JSON; a list is written {variable}=\'["a", "b"]\''
    if isinstance(error, (ClientError, AppError, AnsweringError, StorageError)):
        return str(error)
    return None
