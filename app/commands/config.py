"""`ragstone config`: every setting, its value and where that came from."""

import os
from dataclasses import asdict
from pathlib import Path

from app.commands.options import AsJson, DataDir, Port, settings_of
from app.commands.output import console, print_json, print_table


def config(port: Port = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show every setting and where its value came from; secrets are masked."""
    from app.config_report import read_env_file, report

    flags = {"port": port, "data_dir": data_dir}
    env_file = Path(".env")
    rows = report(settings_of(**flags), flags, os.environ, read_env_file(env_file))
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    console().print("Flag over environment over .env over default. Change one in .env, e.g.:\n")
    print_table(
        ("variable", "value", "from", "what it is"),
        [(row.variable, row.value, row.origin, row.description) for row in rows],
    )
