"""What a runner will take of the memory, from the model's header, before anything is loaded.

Pure arithmetic on the tensor table, since shapes do not lie where metadata may be missing. The
constants are fitted to what llama.cpp b11434 says it reserves for SmolLM2-135M (30 layers of
192+192, vocabulary 49,152) and Gemma-3-270M (18 layers of 256+256, vocabulary 262,144) at contexts
of 512 to 32,768 and batches of 128 to 2,048; a test compares them with what real children hold.
Not in it: the prompt cache (`limits.PROMPT_CACHE`), which is optional, and memory of a GPU.
"""

import re
from pathlib import Path

from backend.engine.runner import Memory, RunnerSpec
from backend.models.gguf import GGUF, Tensor

KV_BYTES = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}  # bytes of one cached number
_CELLS = 256  # llama.cpp rounds a context up to this
_MASKS = 4  # bytes per cell and token of a batch: two masks of 16-bit numbers
_OUTSIDE = 56 << 20  # interpreter, libraries and threads of the child
_PER_WORD = 180  # bytes of the tokenizer's tables for each word of the vocabulary
_ENCODERS = ("bert", "embedding", "encoder")  # architectures without cache and logits
_BLOCK = re.compile(r"blk\.([0-9]+)\.([a-z_0-9]+)\.weight")


def estimate(header: GGUF, spec: RunnerSpec, extra: int = 0) -> Memory:
    """Bytes that a runner of `spec` takes; `extra` are those of adapter and projector files."""
    vocabulary = _rows(header, "token_embd.weight")
    return Memory(
        weights=sum(tensor.size for tensor in header.tensors) + extra,
        cache=_cache(header, spec),
        compute=_compute(header, spec, vocabulary),
        process=_OUTSIDE + _PER_WORD * vocabulary,
    )


def file_size(path: Path) -> int:
    """Bytes of a file, 0 where there is none: that is for the load to say."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def refusal(needed: int, room: int) -> str:
    """Ollama's sentence for a model that does not fit, and what can be done about it."""
    return (
        f"model requires more system memory ({_human(needed)}) than is available "
        f"({_human(max(room, 0))}); ask for a smaller context (num_ctx) or batch (num_batch), "
        "choose a smaller quantization, set OLLAMA_KV_CACHE_TYPE=q8_0, or close other programs"
    )


def _human(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.1f} MiB"


def _cache(header: GGUF, spec: RunnerSpec) -> int:
    if _encodes_only(header):
        return 0
    cells = -(-spec.load.num_ctx // _CELLS) * _CELLS * spec.parallel
    return int(cells * _cached_numbers(header) * KV_BYTES[spec.kv_type]) + spec.parallel * _states(
        header
    )


def _cached_numbers(header: GGUF) -> int:
    """Numbers that a token leaves in the caches of all layers."""
    layers: dict[str, dict[str, Tensor]] = {}
    for tensor in header.tensors:
        found = _BLOCK.fullmatch(tensor.name)
        if found and found[2].startswith("attn_"):
            layers.setdefault(found[1], {})[found[2]] = tensor
    by_shape = sum(_cached_of_layer(header, layer) for layer in layers.values())
    return by_shape or (header.integer("block_count") or 0) * _cached_by_heads(header)


def _cached_of_layer(header: GGUF, layer: dict[str, Tensor]) -> int:
    if "attn_kv_a_mqa" in layer:  # latent attention keeps one compressed row for both
        return _outputs(layer["attn_kv_a_mqa"])
    if "attn_k" in layer:
        keys = _outputs(layer["attn_k"])
        return keys + (_outputs(layer["attn_v"]) if "attn_v" in layer else keys)
    return _cached_by_heads(header) if "attn_qkv" in layer else 0


def _cached_by_heads(header: GGUF) -> int:
    width, heads = header.integer("embedding_length") or 0, _heads(header)
    kv_heads = header.integer("attention.head_count_kv") or heads
    keys = header.integer("attention.key_length") or width // heads
    values = header.integer("attention.value_length") or width // heads
    return kv_heads * (keys + values)


def _states(header: GGUF) -> int:
    """Bytes of one sequence's recurrent states, of layers that have such."""
    inner, state = header.integer("ssm.inner_size"), header.integer("ssm.state_size")
    layers = sum(tensor.name.endswith("ssm_out.weight") for tensor in header.tensors)
    return layers * (inner or 0) * ((state or 0) + 4) * 4


def _compute(header: GGUF, spec: RunnerSpec, vocabulary: int) -> int:
    rows, context = spec.load.num_batch, spec.load.num_ctx
    width = header.integer("embedding_length") or _rows(header, "token_embd.weight", 0)
    row = 4 * (2 * _inner_width(header) + 8 * width) + _MASKS * context
    if spec.flash_attention is False:
        row += 4 * _heads(header) * context
    if spec.key.embedding and not _encodes_only(header):
        # The engine computes the logits of every token even to embed them, and copies them once:
        # 1,900 tokens of Gemma-270M took 3.9 GB so.
        row += 8 * vocabulary
    return rows * row + spec.parallel * 4 * vocabulary


def _inner_width(header: GGUF) -> int:
    """The widest feed-forward layer; of experts, as many as work on one token."""
    used = header.integer("expert_used_count") or 1
    widths = [
        _outputs(tensor) * (used if "_exps" in tensor.name else 1)
        for tensor in header.tensors
        if ".ffn_up" in tensor.name and len(tensor.shape) > 1
    ]
    return max(widths, default=header.integer("feed_forward_length") or 0)


def _encodes_only(header: GGUF) -> bool:
    return any(word in header.architecture for word in _ENCODERS)


def _heads(header: GGUF) -> int:
    return max(header.integer("attention.head_count") or 1, 1)


def _outputs(tensor: Tensor) -> int:
    return tensor.shape[1] if len(tensor.shape) > 1 else tensor.shape[0]


def _rows(header: GGUF, name: str, axis: int = 1) -> int:
    shapes = (tensor.shape for tensor in header.tensors if tensor.name == name)
    return next((shape[axis] for shape in shapes if len(shape) > axis), 0)
