"""The processes that the backend's benchmarks measure: a bare engine's child, and the front."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from backend.answers.options import LoadOptions
from backend.engine.llama_runner import LLAMA_CHILD, child_order
from backend.engine.runner import RunnerSpec
from backend.engine.threads import waiting_environment
from backend.models.library import Library
from backend.models.store import ModelStore
from backend.settings import BackendSettings

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / ".models" / "ollama"
BUNDLED = ("gemma3-base:270m", "smollm2:135m")


def spec_of(models: Path, name: str) -> RunnerSpec:
    """Return what the front starts a runner of that model with where a request asks nothing."""
    settings = BackendSettings(models=models)
    return Library(ModelStore(models)).open(name).runner_spec(LoadOptions(), settings)


@contextmanager
def bare_child(
    spec: RunnerSpec,
    child: str = LLAMA_CHILD,
    changes: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[httpx.Client]:
    """Start an engine's child as the front does, without the front; yields a client of its port.

    `changes` go over the order that the child is given, `environment` over its environment.
    """
    key = secrets.token_urlsafe()
    order = {**child_order(spec, key), **(changes or {})}
    with _process(child, {**waiting_environment(), **(environment or {})}) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        told = json.loads(process.stdout.readline() or "{}")
        if "url" not in told:
            raise SystemExit(f"{child} did not start: {told.get('error')}")
        headers = {"Authorization": f"Bearer {key}"}
        limits = httpx.Limits(max_keepalive_connections=0)  # as the front does
        with httpx.Client(
            base_url=told["url"], headers=headers, timeout=None, limits=limits
        ) as client:
            yield client


@contextmanager
def front(models: Path, **settings: str) -> Iterator[httpx.Client]:
    """Start the whole server; yields a client of it."""
    chosen = {"OLLAMA_HOST": "127.0.0.1:0", "OLLAMA_MODELS": str(models), **settings}
    with _process("backend", chosen) as server:
        assert server.stdout is not None
        url = server.stdout.readline().rpartition(" ")[2].strip()
        with httpx.Client(base_url=url, timeout=None) as client:
            yield client


@contextmanager
def _process(module: str, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # as the front does: on Linux a session gets its own share of time
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
