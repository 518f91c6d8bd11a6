"""llama_child.py with parameters of the engine changed, for benchmarks/engine.py to compare.

The order holds them as `also`: a name, dotted where it lies deeper, and its value.
"""

from functools import reduce
from typing import Any

from backend.engine.child import run_child
from backend.engine.llama_child import parameters
from backend.engine.openmp import provide_openmp


def serve(order: dict[str, Any]) -> Any:
    """Load the model that `order` names, with what `also` changes."""
    provide_openmp()
    import xllamacpp

    params = parameters(xllamacpp, order)
    for name, value in order.get("also", {}).items():
        *way, last = name.split(".")
        mode = getattr(xllamacpp.llama_load_mode, value) if last == "load_mode" else value
        setattr(reduce(getattr, way, params), last, mode)
    return xllamacpp.Server(params)


if __name__ == "__main__":
    run_child(serve)
