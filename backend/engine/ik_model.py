"""A model in ik_llama.cpp: the only file that knows ik_llama_cpp, its Python binding.

The binding's own classes answer whole prompts only, copy a vocabulary in a Python loop for each
token and know one chat format, so its C functions are called here instead; those that it does not
name are declared below. One sequence, one caller at a time; reading the vocabulary is free to all.
Signatures: include/llama.h of ik_llama.cpp.
"""

import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from ik_llama_cpp import _ctypes_api as api
from numpy.typing import NDArray

from backend.engine.ik_sampling import Sampling

Floats: TypeAlias = NDArray[np.float32]

KV_TYPES = {"f16": 1, "q8_0": 8, "q4_0": 2}  # ggml's numbers
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
_SIZE, _INT, _FLOAT, _POINTER = ctypes.c_size_t, ctypes.c_int32, ctypes.c_float, ctypes.c_void_p
_LIST = ctypes.POINTER(api.llama_token_data_array)
_UNNAMED: dict[str, tuple[list[Any], Any]] = {
    # name: (argument types, result type)
    "llama_add_bos_token": ([_POINTER], _INT),
    "llama_kv_cache_seq_rm": ([_POINTER, _INT, _INT, _INT], ctypes.c_bool),
    "llama_model_meta_val_str": ([_POINTER, ctypes.c_char_p, ctypes.c_char_p, _SIZE], _INT),
    "llama_n_ctx": ([_POINTER], ctypes.c_uint32),
    "llama_sample_min_p": ([_POINTER, _LIST, _FLOAT, _SIZE], None),
    "llama_sample_repetition_penalties": (
        [_POINTER, _LIST, api.llama_token_p, _SIZE, _FLOAT, _FLOAT, _FLOAT],
        None,
    ),
    "llama_sample_typical": ([_POINTER, _LIST, _FLOAT, _SIZE], None),
    "llama_set_rng_seed": ([_POINTER, ctypes.c_uint32], None),
    "llama_token_bos": ([_POINTER], _INT),
    "llama_token_eos": ([_POINTER], _INT),
}


class IkModel:
    """The weights, their vocabulary and one sequence of tokens read so far."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        """Load what `order` names (see llama_runner.child_order); RuntimeError when it cannot."""
        self._native = {name: _bind(name, *types) for name, types in _UNNAMED.items()}
        api.llama_backend_init()
        params = api.llama_model_default_params()
        params.use_mmap = order["use_mmap"]
        self._model = api.llama_model_load_from_file(order["model"].encode(), params)
        if not self._model:
            raise RuntimeError("ik_llama.cpp could not load the model")
        self._context = api.llama_init_from_model(self._model, _context_params(order))
        if not self._context:
            raise RuntimeError("ik_llama.cpp could not make a context of that size")
        self.vocabulary = int(api.llama_vocab_n_tokens(api.llama_model_get_vocab(self._model)))
        self.context = int(self._native["llama_n_ctx"](self._context))
        self.batch = order["num_batch"]
        self._slots = api.llama_batch_init(self.batch, 0, 1)
        self._fields = [self._field(name) for name in ("token", "pos", "n_seq_id", "logits")]
        self._fields[2][:] = 1
        for slot in range(self.batch):
            self._slots.seq_id[slot][0] = 0
        self._candidates = np.zeros(self.vocabulary, _CANDIDATE)

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """The token ids of `text`; with BOS and control tokens where `special`."""
        raw = text.encode()
        room = len(raw) + 8
        while True:
            tokens = (api.llama_token * room)()
            found = api.llama_tokenize(self._model, raw, len(raw), tokens, room, special, special)
            if found >= 0:
                return list(tokens[:found])
            room = -found

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The bytes of a token, which may be a part of a character; no text for control tokens."""
        room = 256
        while True:
            text = ctypes.create_string_buffer(room)
            length = api.llama_token_to_piece(self._model, token, text, room, 0, special)
            if length >= 0:
                return text.raw[:length]
            room = -length

    def ends(self, token: int) -> bool:
        """Whether the token ends a reply."""
        return bool(api.llama_token_is_eog(self._model, token))

    def metadata(self, key: str) -> str | None:
        """A text of the file's header, e.g. `tokenizer.chat_template`."""
        read = self._native["llama_model_meta_val_str"]
        length = read(self._model, key.encode(), None, 0)
        if length < 0:
            return None
        text = ctypes.create_string_buffer(length + 1)
        read(self._model, key.encode(), text, length + 1)
        return text.value.decode("utf-8", "replace")

    def special_texts(self) -> tuple[str, str, bool]:
        """The texts of BOS and EOS, and whether tokenising puts BOS in front by itself."""
        ids = [int(self._native[f"llama_token_{name}"](self._model)) for name in ("bos", "eos")]
        bos, eos = (
            self.piece(token, special=True).decode("utf-8", "replace") if token >= 0 else ""
            for token in ids
        )
        return bos, eos, self._native["llama_add_bos_token"](self._model) == 1

    def forget(self, start: int) -> None:
        """Drop what was read from position `start` on."""
        self._native["llama_kv_cache_seq_rm"](self._context, 0, start, -1)

    def read(self, tokens: Sequence[int], position: int) -> None:
        """Read at most `batch` tokens that stand at `position`; the last one's logits are kept."""
        count = len(tokens)
        ids, positions, _, wanted = self._fields
        ids[:count] = tokens
        positions[:count] = np.arange(position, position + count)
        wanted[:count] = 0
        wanted[count - 1] = 1
        self._slots.n_tokens = count
        code = api.llama_decode(self._context, self._slots)
        if code:
            raise RuntimeError(f"ik_llama.cpp failed to read {count} tokens (code {code})")

    def logits(self) -> Floats:
        """The logits behind the last token read, shape (vocabulary,); valid until the next read."""
        pointer = api.llama_get_logits_ith(self._context, -1)
        return np.ctypeslib.as_array(pointer, (self.vocabulary,))

    def seed(self, seed: int) -> None:
        """Start the random numbers of the draws anew."""
        self._native["llama_set_rng_seed"](self._context, seed)

    def draw(self, sampling: Sampling, before: Sequence[int]) -> int:
        """The next token; `before` are the tokens so far, on which the penalties look.

        The order of the steps is llama.cpp's: penalties, top-k, typical, top-p, min-p, temperature.
        """
        if sampling.temperature <= 0 and not sampling.penalises:
            return int(self.logits().argmax())
        self._candidates["id"] = np.arange(self.vocabulary, dtype=np.int32)
        self._candidates["logit"] = self.logits()
        data = self._candidates.ctypes.data_as(ctypes.POINTER(api.llama_token_data))
        rows = api.llama_token_data_array(data, self.vocabulary, -1, False)
        native, context, row_list = self._native, self._context, ctypes.byref(rows)
        if sampling.penalises:
            last = before[-sampling.repeat_last_n :] if sampling.repeat_last_n > 0 else before
            native["llama_sample_repetition_penalties"](
                *(context, row_list, (api.llama_token * len(last))(*last), len(last)),
                *(sampling.repeat_penalty, sampling.frequency_penalty, sampling.presence_penalty),
            )
        if sampling.temperature <= 0:
            return int(self._candidates["id"][self._candidates["logit"].argmax()])
        if sampling.top_k > 0:
            api.llama_sample_top_k(context, row_list, sampling.top_k, 1)
        if sampling.typical_p < 1:
            native["llama_sample_typical"](context, row_list, sampling.typical_p, 1)
        if sampling.top_p < 1:
            api.llama_sample_top_p(context, row_list, sampling.top_p, 1)
        if sampling.min_p > 0:
            native["llama_sample_min_p"](context, row_list, sampling.min_p, 1)
        api.llama_sample_temp(context, row_list, sampling.temperature)
        return int(api.llama_sample_token(context, row_list))

    def _field(self, name: str) -> NDArray[Any]:
        return np.ctypeslib.as_array(getattr(self._slots, name), (self.batch,))


def has_vnni() -> bool:
    """Whether the processor has the instructions that this build's flash attention wants.

    Without them it is said to fail an assertion on longer prompts (the binding's own `IkLlama`
    switches it off there).
    """
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx_vnni" in told


def _bind(name: str, arguments: list[Any], result: Any) -> Any:
    function = getattr(api._lib, name)
    function.argtypes, function.restype = arguments, result
    return function


def _context_params(order: Mapping[str, Any]) -> Any:
    params = api.llama_context_default_params()
    params.n_ctx = order["num_ctx"]
    params.n_batch = params.n_ubatch = order["num_batch"]
    params.n_threads = params.n_threads_batch = order["num_thread"]
    flash = order.get("flash_attention")
    params.flash_attn = has_vnni() if flash is None else flash
    params.type_k = params.type_v = KV_TYPES[order.get("kv_type") or "f16"]
    return params
