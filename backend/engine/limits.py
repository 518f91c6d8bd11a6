"""What a child may not do, whatever is in the model that it loads: set by the child itself.

Address space is bounded from the estimate of memory.py with generous headroom, so that a leak or a
hostile header ends this child and not the machine; there are no core dumps and no new privileges.
Each limit is left out where the system does not know it (Windows has none, macOS no prctl).
"""

import sys
from typing import Any

from backend.engine.runner import Memory

PROMPT_CACHE = 512 << 20
"""Bytes of old prompts' caches that the engine keeps (its own default is 8 GiB a child)."""
DESCRIPTORS = 4096
_HEADROOM = 4 << 30
_THREADS = 256 << 20  # address space of a thread: its stack, and an arena of the allocator
_PR_SET_NO_NEW_PRIVS = 38


def address_space(memory: Memory, threads: int) -> int:
    """Bytes of address space for a child; 0 (no limit) where its memory is not known.

    Measured peaks at a context of 4,096: 0.7 GB for SmolLM2-135M (estimate 0.25), 0.8 GB for
    Gemma-270M (0.4), 4.8 GB while it embeds 1,900 tokens (4.6): the rest is libraries, stacks and
    arenas. Weights count twice, as the engine copies some formats into another order.
    """
    if not memory.total:
        return 0
    return memory.weights + 2 * memory.total + PROMPT_CACHE + _HEADROOM + threads * _THREADS


def confine() -> None:
    """No core dumps, no new privileges, not more descriptors than a runner needs."""
    if sys.platform == "win32":
        return
    import resource

    _lower(resource, resource.RLIMIT_CORE, 0)
    _lower(resource, resource.RLIMIT_NOFILE, DESCRIPTORS)
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def bound_memory(size: int) -> None:
    """Bound the address space to so many bytes; 0 leaves it as it is.

    Not for a child that uses a GPU: its driver reserves far more addresses than memory.
    """
    if not size or not sys.platform.startswith("linux"):  # macOS does not keep to it
        return
    import resource

    _lower(resource, resource.RLIMIT_AS, size)


def _lower(resource: Any, kind: int, value: int) -> None:
    """Set both limits, never above what the process may have already."""
    hard = resource.getrlimit(kind)[1]
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bound, bound))
