"""The child process around llama.cpp's native server: the only file that knows xllamacpp.

Started by `llama_runner.py` as `python -m backend.engine.llama_child`. The first line of stdin is
JSON (see `serve`); one line of JSON on stdout says where the server listens, or why it does not.
The end of stdin ends the process. All of llama.cpp's own output goes to stderr.
"""

import json
import os
import sys
import threading
from typing import Any

from backend.engine.lifeline import die_with_parent, watch_pipe
from backend.engine.openmp import provide_openmp
from backend.engine.runner import MEDIA


def main() -> None:
    """Load the model that the parent names and serve it until the parent goes."""
    order = json.loads(sys.stdin.buffer.readline())
    die_with_parent(order["parent"])
    watch_pipe(sys.stdin.fileno(), lambda: os._exit(0))
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        server = _serve(order)
    except Exception as error:  # noqa: BLE001 - the edge of the process: told to the parent
        _tell(answer, {"error": str(error)})
        os._exit(1)
    _tell(answer, {"url": server.listening_address})
    threading.Event().wait()


def _serve(order: dict[str, Any]) -> Any:
    if not provide_openmp():
        raise RuntimeError("libgomp.so.1 is missing; install it, on Debian: apt install libgomp1")
    os.environ["LLAMA_MEDIA_MARKER"] = MEDIA  # else llama.cpp makes one up for each process
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = order["model"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [order["api_key"]]
    params.n_parallel = order["parallel"]
    params.kv_unified = False  # each slot has its own num_ctx, as Ollama allots it
    params.n_ctx = order["num_ctx"] * order["parallel"]
    params.n_batch = params.n_ubatch = order["num_batch"]
    params.cpuparams.n_threads = order["num_thread"]
    params.cpuparams_batch.n_threads = order["num_thread"]
    params.n_gpu_layers = order["num_gpu"]
    params.main_gpu = order["main_gpu"]
    params.fit_params = False  # the asked context, not one shrunk to the free memory
    # Without the whole window Gemma's sliding cache cannot reuse a shared prefix: 0 against 257
    # tokens from the cache for the same question prefix.
    params.swa_full = True
    # A reply that fills the window drops its oldest half and goes on, where the cache can do that.
    # A request that forbids it is held to the window by its token limit (answers/generation.py).
    params.ctx_shift = True
    mode = xllamacpp.llama_load_mode
    params.load_mode = mode.LLAMA_LOAD_MODE_MMAP if order["use_mmap"] else mode.LLAMA_LOAD_MODE_NONE
    params.endpoint_slots = params.endpoint_metrics = params.ui = False
    if order["projector"]:
        params.mmproj.path = order["projector"]
    params.lora_adapters = [
        xllamacpp.CommonAdapterLoraInfo(path, 1.0) for path in order["adapters"]
    ]
    if order["embedding"]:
        params.embedding = True
        if order["default_pooling"]:
            params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return xllamacpp.Server(params)


def _tell(answer: Any, message: dict[str, Any]) -> None:
    answer.write(json.dumps(message) + "\n")
    answer.close()


if __name__ == "__main__":
    main()
