"""From process start to "Ollama is running": seconds until GET / answers, median of several.

python -m benchmarks.startup_backend [--models FOLDER] [--rounds N]
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
RUNNING = "Ollama is running"


def started(models: Path) -> float:
    """Seconds of one start; the process is ended at once."""
    settings = {"OLLAMA_HOST": "127.0.0.1:0", "OLLAMA_MODELS": str(models), "PYTHONPATH": str(ROOT)}
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "backend"],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().rpartition(" ")[2].strip()
            answer = httpx.get(url, trust_env=False).text
            taken = time.perf_counter() - begun
        finally:
            process.kill()
    if answer != RUNNING:
        raise SystemExit(f"the server answered {answer!r}")
    return taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=ROOT / ".models" / "ollama")
    parser.add_argument("--rounds", type=int, default=10)
    asked = parser.parse_args()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    times = [started(asked.models) for _ in range(asked.rounds)]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load average before {load}")
    print(
        f"process start to {RUNNING!r}: median {statistics.median(times):.2f} s "
        f"({min(times):.2f}-{max(times):.2f}), {asked.rounds} starts"
    )


if __name__ == "__main__":
    main()
