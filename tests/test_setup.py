"""`make setup`: what it finds, what it skips, and what it says when it cannot go on."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts import advice, lock, setup
from scripts.advice import SetupFailed
from scripts.run_pip import run

ROOT = Path(__file__).resolve().parent.parent
SLOW = bool(os.environ.get("RAGSTONE_SLOW_TESTS"))
NOWHERE = "http://127.0.0.1:9"


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def python_saying(path: Path, version: str, *, new_enough: bool) -> Path:
    """A Python as scripts/setup.sh meets it: asked for its version, asked whether it will do."""
    return program(
        path,
        f'case "$*" in *print*) echo {version};; -c*) exit {int(not new_enough)};;'
        f" *) echo {version} runs $*;; esac",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with the few tools that the script needs and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("dirname", "cat"):
        (folder / tool).symlink_to(shutil.which(tool) or "")
    return folder


def set_up(path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", ROOT / "scripts" / "setup.sh"],
        env={"PATH": str(path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_python_at_all_is_said(path):
    done = set_up(path)
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert "no Python at all" in done.stderr
    assert "apt install python3" in done.stderr


def test_a_python_that_is_too_old_is_named(path):
    python_saying(path / "python3", "3.9.18", new_enough=False)
    done = set_up(path)
    assert done.returncode == 1
    assert "python3 is 3.9.18" in done.stderr


def test_a_newer_python_under_another_name_is_found(path):
    python_saying(path / "python3", "3.9.18", new_enough=False)
    program(path / "python3.13", "echo not installed >&2; exit 127")
    python_saying(path / "python3.12", "3.12.1", new_enough=True)
    assert set_up(path).stdout == "3.12.1 runs -m scripts.setup\n"


def test_a_python_that_is_named_comes_first(path):
    python_saying(path / "python3", "3.11.7", new_enough=True)
    mine = python_saying(path / "mine", "3.13.0", new_enough=True)
    assert set_up(path, PYTHON=str(mine)).stdout == "3.13.0 runs -m scripts.setup\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the set-up reads."""
    copy = tmp_path / "checkout"
    shutil.copytree(
        ROOT / "scripts", copy / "scripts", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "constraints.txt", "Makefile"):
        shutil.copy(ROOT / name, copy)
    return copy


def test_without_a_network_it_says_what_to_do(checkout):
    environment = {
        "PATH": os.environ["PATH"],
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": NOWHERE,
        "TORCH_INDEX": NOWHERE,
        "PIP_RETRIES": "0",
        "PYTHON": sys.executable,
    }
    done = subprocess.run(
        ["make", "setup"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert advice.NETWORK in done.stderr
    assert "Traceback" not in done.stderr
    assert "setup.log" in done.stderr
    assert not (checkout / ".venv" / "ragstone-setup").exists()


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("OSError: [Errno 28] No space left on device", advice.DISK),
        (
            "Could not fetch: NewConnectionError('refused')\nNo matching distribution",
            advice.NETWORK,
        ),
        ("Temporary failure in name resolution", advice.NETWORK),
        ("SSLError(SSLCertVerificationError(1, 'certificate verify failed'))", advice.CERTIFICATE),
        ("the virtual environment was not created: ensurepip is not available", advice.VENV),
        ("PermissionError: [Errno 13] Permission denied: '.venv'", advice.RIGHTS),
        ("ERROR: Could not find a version of x (from versions: none)", advice.NOTHING),
        ("ERROR: No matching distribution found for xllamacpp==1", advice.NO_WHEEL),
        ("ImportError: libgomp.so.1: cannot open shared object file", advice.LIBGOMP),
        ("Segmentation fault", advice.UNKNOWN),
    ],
)
def test_advice_fits_what_went_wrong(output, expected):
    assert advice.advice(output) == expected


def test_a_step_that_fails_shows_its_last_lines_and_what_to_do(tmp_path):
    log = tmp_path / "setup.log"
    step = program(tmp_path / "step", "echo before; echo No space left on device >&2; exit 3")
    with pytest.raises(SetupFailed) as caught:
        run([step], log, "Unpacking")
    said = str(caught.value)
    assert said.startswith("Unpacking failed:")
    assert "No space left on device" in said
    assert advice.DISK in said
    assert "before" in log.read_text()


def test_a_step_that_works_prints_nothing_where_nobody_watches(tmp_path, capsys):
    run(["echo", "much output"], tmp_path / "setup.log", "Talking")
    assert capsys.readouterr().out == ""


def test_too_small_a_disk_is_refused_before_anything_is_fetched():
    setup.check_disk(5_000_000_000)
    with pytest.raises(SetupFailed, match=r"1\.5 GB free"):
        setup.check_disk(1_500_000_000)


@pytest.mark.parametrize(
    ("installed", "wanted", "platform", "fits"),
    [
        ("2.13.0+cpu", "cpu", "linux", True),
        ("2.13.0", "cpu", "linux", False),
        ("2.13.0", "cuda", "linux", True),
        ("2.13.0+cu130", "cuda", "linux", True),
        ("2.13.0+cpu", "cuda", "linux", False),
        ("2.13.0", "cpu", "darwin", True),
        ("2.12.0+cpu", "cpu", "linux", False),
        ("", "cpu", "linux", False),
    ],
)
def test_which_torch_is_kept(installed, wanted, platform, fits):
    assert setup.torch_fits(installed, "2.13.0", wanted, platform) is fits


def test_the_stamp_changes_with_each_thing_it_stands_for(checkout, tmp_path):
    def stamp(root: Path = checkout, python: str = "3.11", torch: str = "cpu") -> str:
        return setup.fingerprint(root, python, torch)

    first = stamp()
    assert stamp() == first
    moved = shutil.copytree(checkout, tmp_path / "moved")
    seen = {first, stamp(python="3.12"), stamp(torch="cuda"), stamp(moved)}
    for name in ("pyproject.toml", "constraints.txt"):
        with (checkout / name).open("a") as file:
            file.write("# changed\n")
        seen.add(stamp())
    assert len(seen) == 6


def test_the_lock_drops_local_builds_and_what_is_not_ours():
    frozen = "Torch==2.13.0+cpu\nragstone==0.1.0\npip==26.3\n-e git+x\nPyYAML==6.0.3\ntyping_x==1\n"
    assert lock.constraints(frozen).splitlines()[1:] == [
        "pyyaml==6.0.3",
        "torch==2.13.0",
        "typing-x==1",
    ]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_pinned_within_its_range():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        Requirement(text)
        for text in project["dependencies"] + project["optional-dependencies"]["dev"]
    ]
    assert pins["torch"] == setup.torch_pin("\n".join(lines))
    for requirement in wanted:
        pin = pins.get(normal(requirement.name))
        assert pin, f"constraints.txt lacks {requirement.name}: make lock"
        assert requirement.specifier.contains(pin), f"{requirement} is pinned to {pin}"


def test_ci_says_make_test():
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_make_lists_its_words():
    listed = subprocess.run(["make", "-C", ROOT], capture_output=True, text=True, check=True).stdout
    for word in ("setup", "run", "test", "check", "check-slow", "bench-", "eval", "clean"):
        assert f"make {word}" in listed


@pytest.mark.skipif(not SLOW, reason="minutes; make check-slow runs it")
@pytest.mark.timeout(1800)
def test_a_fresh_clone_sets_itself_up_and_does_it_once(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("RAGSTONE", "MAKE"))}
    for expected in ("[1/4]", ""):
        done = subprocess.run(
            ["make", "setup"],
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert expected in done.stdout
    assert "[1/4]" not in done.stdout
    assert (clone / ".models" / "embedding" / "all-MiniLM-L6-v2" / "model.safetensors").exists()
    said = subprocess.run(
        [clone / ".venv" / "bin" / "ragstone", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.startswith("ragstone ")
