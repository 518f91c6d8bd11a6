"""Make `.venv` with the pinned packages and put the bundled models in place: `make setup`.

The steps:
1. make the virtual environment;
2. install torch first, as the CPU build where there is one (`TORCH=cuda` takes the other);
3. install Ragstone and everything else at the versions of constraints.txt;
4. place the models (`MODELS=later` leaves that to the first start, for containers).
What is done already is not done again; a stamp in `.venv` says for which inputs it was done.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.advice import SetupFailed, advice
from scripts.run_pip import pip, run

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "ragstone-setup"
LOG = ROOT / "setup.log"
# the one address of an index in this repository: PyPI has only the CUDA build for Linux
CPU_INDEX = os.environ.get("TORCH_INDEX") or "https://download.pytorch.org/whl/cpu"
NEEDED_GB = 4.0
CONSTRAINTS = "constraints.txt"


def fingerprint(root: Path, *choices: str) -> str:
    """Hash what the environment is made from, and where it lies (its scripts hold its path)."""
    digest = hashlib.sha256("\0".join((str(root), *choices)).encode())
    for name in ("pyproject.toml", CONSTRAINTS):
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def check_disk(free_bytes: int) -> None:
    """Refuse to start what cannot end."""
    free = free_bytes / 1e9
    if free < NEEDED_GB:
        raise SetupFailed(
            f"The disk has {free:.1f} GB free, and the set-up needs {NEEDED_GB:.0f} GB "
            "(2 for packages, 0.5 for models, the rest while it works). Free some and run it again."
        )


def torch_pin(constraints: str) -> str:
    """Return torch's version from constraints.txt."""
    found = re.search(r"^torch==(\S+)$", constraints, re.MULTILINE)
    if not found:
        raise SetupFailed("constraints.txt does not pin torch: write it again with `make lock`.")
    return found.group(1)


def torch_fits(installed: str, pin: str, wanted: str, platform: str) -> bool:
    """Whether the installed build is the wanted one; only Linux has two of them."""
    version, _, build = installed.partition("+")
    if version != pin:
        return False
    return platform != "linux" or (build == "cpu") == (wanted != "cuda")


def ask(*command: str) -> str:
    """Ask the environment's Python something; empty where it cannot answer."""
    try:
        asked = subprocess.run([PYTHON, *command], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return asked.stdout.strip()


def make_environment() -> None:
    """Make `.venv`; anew where it is of another Python version, or broken."""
    if f"(python {sys.version_info[0]}.{sys.version_info[1]})" in ask("-m", "pip", "--version"):
        return
    check_disk(shutil.disk_usage(ROOT).free)
    print(f"[1/4] {VENV} with Python {sys.version.split()[0]}", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        run([sys.executable, "-m", "venv", VENV], LOG, f"Making {VENV} with {sys.executable}")
    except SetupFailed:
        shutil.rmtree(VENV, ignore_errors=True)
        raise


def install_torch(pin: str, wanted: str) -> None:
    """Install torch alone: the CPU build where it is wanted and there, else the plain one."""
    version = "import importlib.metadata as m; print(m.version('torch'))"
    if torch_fits(ask("-c", version), pin, wanted, sys.platform):
        return
    print(f"[2/4] torch {pin}", flush=True)
    if sys.platform == "linux" and wanted != "cuda":
        briefly = ("--retries", "0", "--timeout", "8", "--extra-index-url", CPU_INDEX)
        try:
            pip(PYTHON, LOG, "torch", "install", "--no-deps", f"torch=={pin}+cpu", *briefly)
        except SetupFailed:
            print(
                f"    {CPU_INDEX} is not reachable or has no build for this Python.\n"
                "    Going on with the plain build: on Linux, 2.7 GB of CUDA packages come along;\n"
                "    a mirror of that index can be named: make setup TORCH_INDEX=https://...",
                flush=True,
            )
        else:
            return
    pip(PYTHON, LOG, f"Installing torch {pin}", "install", "--no-deps", f"torch=={pin}")


def install_packages(extras: str) -> None:
    """Install Ragstone in place, and all else as pinned; also what tests and checks need."""
    print("[3/4] packages (about two minutes the first time)", flush=True)
    ours = f"{ROOT}[{extras}]" if extras else str(ROOT)
    pip(PYTHON, LOG, "Installing the packages", "install", "-c", ROOT / CONSTRAINTS, "-e", ours)
    check = "from backend.engine.openmp import provide_openmp; provide_openmp(); import xllamacpp"
    run([PYTHON, "-c", check], LOG, "Loading llama.cpp")


def place_models() -> None:
    """Run scripts/place_models.py in the environment; it prints its own progress and errors."""
    if subprocess.run([PYTHON, "-m", "scripts.place_models"], cwd=ROOT, check=False).returncode:
        raise SystemExit(1)


def main() -> None:
    """Take the four steps, as far as they are not done."""
    torch, extras = os.environ.get("TORCH") or "cpu", os.environ.get("EXTRAS", "dev")
    done = fingerprint(ROOT, sys.version, torch, extras)
    with (ROOT / "pyproject.toml").open() as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)  # `make run` and `make test` in two terminals
        if not STAMP.exists() or STAMP.read_text() != done:
            LOG.unlink(missing_ok=True)
            make_environment()
            install_torch(torch_pin((ROOT / CONSTRAINTS).read_text()), torch)
            install_packages(extras)
            STAMP.write_text(done)
        if os.environ.get("MODELS") != "later":
            place_models()


if __name__ == "__main__":
    try:
        main()
    except SetupFailed as failure:
        sys.exit(f"\n{failure}")
    except KeyboardInterrupt:
        sys.exit("\nStopped; run it again to go on from here.")
    except OSError as failure:
        sys.exit(f"\n{failure}\n{advice(str(failure))}")
