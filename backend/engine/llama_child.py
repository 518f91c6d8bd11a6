"""The child process around llama.cpp's native server: the only file that knows xllamacpp.

Started by `llama_runner.py` as `python -m backend.engine.llama_child`; how they speak is told in
`child.py`.
"""

import os
from typing import Any

from backend.engine.child import run_child
from backend.engine.limits import PROMPT_CACHE, bound_memory
from backend.engine.openmp import provide_openmp
from backend.engine.runner import MEDIA


def serve(order: dict[str, Any]) -> Any:
    """Load the model that `order` names into llama.cpp's server; RuntimeError when it cannot."""
    if not provide_openmp():
        raise RuntimeError("libgomp.so.1 is missing; install it, on Debian: apt install libgomp1")
    os.environ["LLAMA_MEDIA_MARKER"] = MEDIA  # else llama.cpp makes one up for each process
    import xllamacpp

    return xllamacpp.Server(parameters(xllamacpp, order))


def parameters(xllamacpp: Any, order: dict[str, Any]) -> Any:
    """The server's parameters for `order`; bounds this process's memory on the way."""
    if not any("GPU" in str(device["type"]) for device in xllamacpp.get_device_info()):
        bound_memory(order["address_space"])
    params = xllamacpp.CommonParams()
    _set_cache(xllamacpp, params, order)
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
    return params


def _set_cache(xllamacpp: Any, params: Any, order: dict[str, Any]) -> None:
    kinds = xllamacpp.llama_flash_attn_type
    params.flash_attn_type = {
        None: kinds.LLAMA_FLASH_ATTN_TYPE_AUTO,
        True: kinds.LLAMA_FLASH_ATTN_TYPE_ENABLED,
        False: kinds.LLAMA_FLASH_ATTN_TYPE_DISABLED,
    }[order["flash_attention"]]
    kv_type = getattr(xllamacpp.ggml_type, f"GGML_TYPE_{order['kv_type'].upper()}")
    params.cache_type_k = params.cache_type_v = kv_type
    params.cache_ram_mib = PROMPT_CACHE >> 20


if __name__ == "__main__":
    run_child(serve)
