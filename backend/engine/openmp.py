"""Finds the OpenMP runtime that llama.cpp's wheel expects of the system.

Slim Linux images have no libgomp.so.1; torch brings its own copy of it, under the same name.
"""

import ctypes
import importlib.util
import sys
from pathlib import Path

LIBRARY = "libgomp.so.1"


def provide_openmp() -> bool:
    """Load libgomp into this process, the system's or torch's; False where there is none.

    torch itself is not imported. Elsewhere than on Linux nothing is needed.
    """
    return sys.platform != "linux" or any(_loads(name) for name in _candidates())


def _candidates() -> list[str]:
    torch = importlib.util.find_spec("torch")
    folders = torch.submodule_search_locations if torch else None
    return [LIBRARY, *(str(Path(folder) / "lib" / LIBRARY) for folder in folders or ())]


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True
