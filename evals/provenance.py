"""What a result was measured with: the commit of this tree and the machine."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

TREE = Path(__file__).resolve().parent.parent


def commit() -> str | None:
    """Return the checked-out commit, "-dirty" added when files differ; None outside of git."""
    try:
        said = subprocess.run(
            ["git", "-C", str(TREE), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip() or None


def machine() -> dict[str, Any]:
    """Return what latencies depend on."""
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
