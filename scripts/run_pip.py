"""Run an installer step with one moving status line, and plain words when it fails."""

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from scripts.advice import SetupFailed, advice

WIDTH = 96
# a user's `user = true` would make pip refuse to install into the environment
FOR_PIP = {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def _status(text: str) -> None:
    if sys.stdout.isatty():
        print(f"\r    {text.strip()[:WIDTH]:<{WIDTH}}", end="", flush=True)


def run(command: Sequence[str | Path], log: Path, what: str) -> None:
    """Run a command, adding its output to `log`.

    Raises SetupFailed with its last lines and what to do about them.
    """
    started, tail = time.monotonic(), deque[str](maxlen=40)
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("a") as kept,
        subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **FOR_PIP},
        ) as process,
    ):
        kept.write(f"$ {' '.join(map(str, command))}\n")
        for line in process.stdout or ():
            kept.write(line)
            tail.append(line)
            _status(line)
    _status(f"done in {time.monotonic() - started:.0f} s")
    if sys.stdout.isatty():
        print()
    if process.returncode:
        output = "".join(tail)
        shown = "".join(f"    {line}" for line in list(tail)[-6:])
        raise SetupFailed(f"{what} failed:\n{shown}\n{advice(output)}\n(log: {log})")


def pip(python: Path, log: Path, what: str, *arguments: str | Path) -> None:
    """Run pip of `python`; pip's own configuration, mirrors and all, holds."""
    run([python, "-m", "pip", *arguments], log, what)
