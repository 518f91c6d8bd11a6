"""The health check of the containers: exits with 0 when a URL answers with success."""

import sys
import urllib.error
import urllib.request

SECONDS = 5


def healthy(url: str) -> bool:
    """Whether the URL answers, within 5 s, with a 2xx status."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as reply:  # noqa: S310  # ours, from compose
            return bool(200 <= reply.status < 300)
    except (OSError, ValueError):
        return False


if __name__ == "__main__":
    sys.exit(not healthy(sys.argv[1]))
