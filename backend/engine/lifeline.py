"""Dying with the parent, however it dies.

Two ways at once: on Linux the kernel is asked to kill this process when its parent goes
(prctl(2), PR_SET_PDEATHSIG), which works even while native code holds the interpreter lock; and
everywhere a thread reads a pipe whose other end only the parent holds, so that its end is seen.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask the kernel for SIGKILL when the parent (process id) dies; no effect off Linux.

    The signal is tied to the parent's *thread* that started this process, so start children from
    the main thread.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the request was in place
        os._exit(1)


def watch_pipe(descriptor: int, ended: Callable[[], None]) -> None:
    """Call `ended` from a thread of its own when the pipe at `descriptor` reaches its end."""

    def wait() -> None:
        try:
            while os.read(descriptor, 4096):
                pass
        except OSError:  # closed under us: the same news
            pass
        ended()

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
