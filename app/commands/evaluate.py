"""`ragstone eval`: hands over to the evaluation's own command line, loaded only now."""

import typer

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def evaluate(context: typer.Context) -> None:
    """Score answers: run, compare, retrieval (`ragstone eval --help`)."""
    from evals.cli import app

    app(context.args or ["--help"], prog_name="ragstone eval")
