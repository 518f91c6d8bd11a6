"""What to do about a failed step of the set-up, read from what the failing program printed."""

import re

DISK = "The disk is full. Free about 4 GB (`df -h .` shows how much there is), then run it again."
NETWORK = (
    "The package index cannot be reached. Check the network; behind a proxy set HTTPS_PROXY, and "
    "with a mirror set PIP_INDEX_URL or pip's own configuration. Then run it again: what was "
    "fetched is kept."
)
CERTIFICATE = (
    "The package index's certificate is not trusted. Behind a proxy that opens TLS, name its "
    "certificate with PIP_CERT=/path/to/ca.pem, then run it again."
)
VENV = (
    "This Python cannot make virtual environments. Debian or Ubuntu: sudo apt install "
    "python3-venv (or python3.X-venv for the version named above), then run it again."
)
RIGHTS = (
    "A file or folder may not be written. Check who owns this folder (`ls -ld . .venv .models`)."
)
NO_WHEEL = (
    "The package index has no build for this Python and machine. Python 3.11 to 3.13 on Linux "
    "or macOS is what the pinned versions are for: make setup PYTHON=python3.12"
)
NOTHING = f"{NETWORK}\nIf the network is well: {NO_WHEEL}"  # pip does not tell the two apart
LIBGOMP = (
    "llama.cpp needs the OpenMP library that comes with the C compiler's runtime. Debian or "
    "Ubuntu: sudo apt install libgomp1    Fedora: sudo dnf install libgomp    then run it again."
)
UNKNOWN = "The lines above say why; the whole output is in the log."

SIGNS: tuple[tuple[str, str], ...] = (
    (r"No space left on device|Errno 28\b|Disk quota exceeded", DISK),
    (r"CERTIFICATE_VERIFY_FAILED|certificate verify failed", CERTIFICATE),
    (r"ensurepip|No module named '?venv", VENV),
    (
        (
            r"name resolution|Name or service not known|nodename nor servname"
            r"|Network is unreachable|Connection (refused|aborted|broken)|NewConnectionError"
            r"|ConnectTimeout|Read timed out|ProxyError"
        ),
        NETWORK,
    ),
    (r"libgomp\.so\.1: cannot open", LIBGOMP),
    (r"Permission denied|Errno 13\b", RIGHTS),
    (r"\(from versions: none\)", NOTHING),
    (r"No matching distribution found|Could not find a version that satisfies", NO_WHEEL),
)


class SetupFailed(Exception):
    """A step of the set-up failed; the message says which, and what to do."""


def advice(output: str) -> str:
    """Say what to do about the failure that `output` shows; the first sign that fits wins."""
    return next((text for sign, text in SIGNS if re.search(sign, output)), UNKNOWN)
