"""Write constraints.txt from what `.venv` holds: `make lock`, after trying new versions there.

The file pins every package for Python 3.11 to 3.13. torch loses its local suffix (`+cpu`),
so that the one pin fits the CPU build and the CUDA build alike.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Every package at one version, for Python 3.11 to 3.13. Written by `make lock`.\n"
NOT_OURS = ("ragstone", "pip", "setuptools", "wheel")


def constraints(frozen: str) -> str:
    """Turn the output of `pip freeze` into the text of constraints.txt."""
    pins: list[str] = []
    for line in frozen.splitlines():
        name, equals, version = line.partition("==")
        if not equals or name.lower() in NOT_OURS or line.startswith(("-e", "#")):
            continue
        public_version, _, _ = version.partition("+")
        pins.append(f"{name.lower().replace('_', '-')}=={public_version}\n")
    return HEADER + "".join(sorted(pins))


def main() -> None:
    """Freeze the environment this runs in."""
    freeze = [sys.executable, "-m", "pip", "freeze", "--exclude-editable"]
    frozen = subprocess.run(freeze, check=True, capture_output=True, text=True).stdout
    (ROOT / "constraints.txt").write_text(constraints(frozen))


if __name__ == "__main__":
    main()
