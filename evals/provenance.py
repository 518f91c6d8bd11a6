"""What a result was measured with: the commit of this tree, the service and the machine."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from app.client import Client, ServiceError
from app.client.calls import Call

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


def service(client: Client) -> dict[str, Any]:
    """Return what the service says of itself: version, models, engines."""
    call: Call[dict[str, Any]] = Call("GET", "/v1/info")
    try:
        return client.send(call)
    except ServiceError:  # an older service
        return client.health()
