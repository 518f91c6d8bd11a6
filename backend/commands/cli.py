"""The commands of `ragstone model`: which there are, and how errors leave them.

Exit codes are those of `ollama`: 0 done; 1 it failed or was wrongly called, with `Error:` and a
sentence on standard error. 130 is Ctrl-C.
"""

import os
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from backend.commands.changes import cp, rm, stop
from backend.commands.create import create, import_
from backend.commands.errors import CommandFailed
from backend.commands.export import export
from backend.commands.flags import GoCommand
from backend.commands.listing import list_, ps
from backend.commands.options import Words
from backend.commands.run import run
from backend.commands.show import show
from backend.commands.transfers import pull, push
from backend.errors import BackendError

PROGRAM = "ragstone model"
INTERRUPTED = 130

app = typer.Typer(
    epilog="The server is the one at OLLAMA_HOST, by default 127.0.0.1:11434.",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def serve(context: typer.Context) -> None:
    """Start the model server, as `ragstone backend` does."""
    context.obj()


COMMANDS: tuple[tuple[str, Callable[..., None]], ...] = (
    ("serve", serve),
    ("create", create),
    ("import", import_),
    ("export", export),
    ("show", show),
    ("run", run),
    ("stop", stop),
    ("pull", pull),
    ("push", push),
    ("list", list_),
    ("ps", ps),
    ("cp", cp),
    ("rm", rm),
)
"""The words and what they do, in the order of the help."""
for name, function in COMMANDS:
    app.command(name, cls=GoCommand)(function)
app.command("start", cls=GoCommand, hidden=True)(serve)
app.command("ls", cls=GoCommand, hidden=True)(list_)


@app.command("help", cls=GoCommand)
def help_(
    context: typer.Context,
    command: Annotated[Words, typer.Argument(metavar="[COMMAND]", hidden=True)] = None,
) -> None:
    """Help about any command."""
    group = context.parent
    assert group is not None
    assert isinstance(group.command, TyperGroup)
    if not command:
        group.get_help()  # which prints, where it is laid out for a terminal
        return
    found = group.command.get_command(group, command[0])
    if found is None:
        raise CommandFailed(f'unknown command "{command[0]}" for "{PROGRAM}"')
    with found.make_context(command[0], [], parent=group, resilient_parsing=True) as inner:
        found.get_help(inner)


def _print_version(wanted: bool) -> None:
    if wanted:
        from backend.commands.versions import print_versions

        print_versions()
        raise typer.Exit


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    _: Annotated[
        bool,
        typer.Option("--version", "-v", callback=_print_version, is_eager=True, help="Say which."),
    ] = False,
) -> None:
    """Run, make and look after models, with the words of `ollama`."""
    if context.invoked_subcommand is None:
        context.get_help()


def main(arguments: Sequence[str], start_server: Callable[[], None]) -> int:
    """Carry out the arguments and return the exit code; `serve` calls `start_server`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what a terminal cannot show must not end a command
            stream.reconfigure(errors="replace")
    try:
        code = app(list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=start_server)
        sys.stdout.flush()
    except TyperException as error:
        return _failed(error.format_message())
    except (BackendError, typer.Abort) as error:
        return _failed(str(error) or "stopped")
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code if isinstance(code, int) else 0


def _failed(sentence: str) -> int:
    print(f"Error: {sentence}", file=sys.stderr)
    return 1
