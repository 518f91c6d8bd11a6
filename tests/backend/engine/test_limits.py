"""The limits of children: as numbers, and in force in a real one."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.answers.options import LoadOptions
from backend.engine import limits
from backend.engine.growth import child_growth, child_held
from backend.engine.limits import DESCRIPTORS, address_space
from backend.engine.llama_runner import LlamaRunner
from backend.engine.runner import Memory, RunnerSpec, RunnerState
from backend.models.library import Library
from backend.models.store import ModelStore
from backend.settings import BackendSettings
from tests.fixtures.models import CHATTER

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
GIB = 1 << 30


def test_address_space_grows_with_the_model_and_is_open_without_an_estimate() -> None:
    assert address_space(Memory(), 4) == 0
    small, large = Memory(weights=GIB), Memory(weights=8 * GIB, cache=2 * GIB)
    assert 3 * GIB < address_space(small, 1) < address_space(large, 1)
    assert address_space(large, 64) > address_space(large, 1)


@LINUX
def test_a_process_confines_itself_and_never_loosens(tmp_path: Path) -> None:
    code = (
        "import resource; from backend.engine import limits;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64));"
        "limits.confine(); limits.bound_memory(0);"
        "print(resource.getrlimit(resource.RLIMIT_AS)[1] == resource.RLIM_INFINITY);"
        "limits.bound_memory(3 << 30);"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_AS));"
        "limits.bound_memory(4 << 30); print(resource.getrlimit(resource.RLIMIT_AS)[1] >> 30)"
    )
    root = Path(limits.__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines() == ["True", f"(64, 64) {(3 * GIB, 3 * GIB)}", "3"]


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_systems_do_without(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits.sys, "platform", platform)  # type: ignore[attr-defined]
    changed: list[int] = []
    monkeypatch.setattr(limits, "_lower", lambda _, kind, __: changed.append(kind))
    limits.confine()
    limits.bound_memory(GIB)
    assert len(changed) == (0 if platform == "win32" else 2)


def test_growth_of_what_is_not_there_is_nothing() -> None:
    assert child_growth(None) == (0, 0)
    assert child_held(None) == 0
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert child_growth(gone.pid) == (0, 0)
    assert child_held(gone.pid) == 0
    assert child_held(os.getpid()) > 0


def chatter(models: Path) -> RunnerSpec:
    opened = Library(ModelStore(models)).open(CHATTER)
    settings = BackendSettings(models=models, num_thread=1)
    return opened.runner_spec(LoadOptions(num_ctx=512), settings)


def about(runner: LlamaRunner, file: str) -> str:
    return Path(f"/proc/{runner.pid}/{file}").read_text()


@pytest.fixture
async def runner(ollama_models: Path) -> AsyncIterator[LlamaRunner]:
    runner = LlamaRunner(chatter(ollama_models))
    await runner.start()
    yield runner
    await runner.stop()


@pytest.mark.model
@LINUX
async def test_a_real_child_lives_within_its_limits(
    runner: LlamaRunner, ollama_models: Path
) -> None:
    lines = about(runner, "limits").splitlines()
    in_force = {line[:26].strip(): line[26:].split() for line in lines}
    expected = str(address_space(chatter(ollama_models).memory, 1))
    assert in_force["Max address space"][:2] == [expected, expected]
    assert in_force["Max core file size"][:2] == ["0", "0"]
    assert int(in_force["Max open files"][1]) <= DESCRIPTORS
    status = about(runner, "status")
    assert "NoNewPrivs:\t1" in status
    peak = next(line for line in status.splitlines() if line.startswith("VmPeak"))
    assert int(peak.split()[1]) * 1024 < int(expected) // 2


@pytest.mark.model
@LINUX
async def test_a_real_child_that_is_stopped_in_its_tracks_does_not_answer(
    runner: LlamaRunner,
) -> None:
    assert await runner.ping()
    assert runner.pid is not None
    os.kill(runner.pid, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await runner.ping()
    await runner.stop()
    assert runner.state is RunnerState.STOPPED
    assert not await runner.ping()


@pytest.mark.model
async def test_progress_of_a_real_load_moves(ollama_models: Path) -> None:
    runner = LlamaRunner(chatter(ollama_models))
    before = runner.progress()
    starting = asyncio.create_task(runner.start())
    seen = {before}
    while not starting.done():
        seen.add(runner.progress())
        await asyncio.sleep(0.01)
    await starting
    await runner.stop()
    assert len(seen) > 3


@pytest.mark.model
@LINUX
async def test_a_child_without_room_for_its_model_fails_alone(ollama_models: Path) -> None:
    from dataclasses import replace

    from backend.errors import LoadFailed

    spec = replace(chatter(ollama_models), memory=Memory(weights=1))
    # 8 million cells of context: beyond the headroom, so the engine's own allocation fails
    spec = replace(spec, load=replace(spec.load, num_ctx=1 << 23))
    runner = LlamaRunner(spec)
    with pytest.raises(LoadFailed, match="could not be loaded"):
        await runner.start()
    await runner.stop()
