"""`ragstone model`: hands over to the model server's own command line, loaded only now."""

import typer


def model(context: typer.Context) -> None:
    """Run, make and look after models, with the words of `ollama` (`ragstone model help`)."""
    from app.commands.processes import backend
    from backend.commands.cli import main

    raise typer.Exit(main(context.args, start_server=backend))
