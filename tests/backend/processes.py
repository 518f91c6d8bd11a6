"""The backend as a real process, for tests that stop, kill and orphan it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
READY = "Ragstone backend listening on "


def environment(models: Path, **more: str) -> dict[str, str]:
    """The test's environment with these settings of Ollama's."""
    settings = {"OLLAMA_HOST": "127.0.0.1:0", "OLLAMA_MODELS": str(models), **more}
    return {**os.environ, **settings, "PYTHONPATH": str(ROOT)}


@contextmanager
def backend_process(
    models: Path, *arguments: str, stderr: int | None = None, **more: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running process and its address; killed at the end, its children with it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "backend", *arguments],
        env=environment(models, **more),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(READY), line
        yield process, line.removeprefix(READY).strip()
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def runners_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The runner processes that live under a backend."""
    return [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "backend.engine.llama_child" in child.cmdline()
    ]
