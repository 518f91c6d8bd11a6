"""Which tensor of a model gets which type when it is quantised.

The mixtures follow those of llama.cpp's quantisation tool, without its special cases: the tensors
that a model's answers depend on most (the output, the values of attention, the way down of the
feed-forward) get more bits, in a part of the layers. A row that a type's blocks do not divide gets
the next larger type that fits, else stays as it is. No importance matrix is used.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from backend.models.gguf import Tensor
from backend.models.gguf_types import TENSOR_TYPES
from backend.models.gguf_write import Planned

SOURCES = ("F16", "BF16", "F32")
# Each target: the type of most tensors, and of those that get more bits in some layers.
TARGETS: dict[str, tuple[str, str]] = {
    "Q4_0": ("Q4_0", "Q4_0"),
    "Q5_0": ("Q5_0", "Q5_0"),
    "Q8_0": ("Q8_0", "Q8_0"),
    "Q4_K_S": ("Q4_K", "Q5_K"),
    "Q4_K_M": ("Q4_K", "Q6_K"),
    "Q5_K_S": ("Q5_K", "Q5_K"),
    "Q5_K_M": ("Q5_K", "Q6_K"),
    "Q6_K": ("Q6_K", "Q6_K"),
}
_FITTING = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
_BLOCK = re.compile(r"blk\.(\d+)\.")
_OUTPUT = ("output.weight", "token_embd.weight")
_KEPT = ("norm", "ffn_gate_inp", "ssm_conv1d", "time_mix", "position_embd", "token_types", "rope")


@dataclass(frozen=True, slots=True)
class _Depth:
    blocks: int

    def first_eighth(self, block: int) -> bool:
        return block < max(self.blocks // 8, 1)

    def every_third(self, block: int) -> bool:
        eighth = self.blocks // 8
        return block < eighth or block >= 7 * eighth or (block - eighth) % 3 == 2


def planned(tensors: Iterable[Tensor], target: str) -> list[Planned]:
    """The tensors of the new file, in the order of the old one."""
    rows = list(tensors)
    names = {tensor.name for tensor in rows}
    output = next((name for name in _OUTPUT if name in names), "")
    depth = _Depth(len({found[1] for name in names if (found := _BLOCK.match(name))}))
    return [
        Planned(tensor.name, tensor.shape, _type(tensor, target, output, depth)) for tensor in rows
    ]


def _type(tensor: Tensor, target: str, output: str, depth: _Depth) -> str:
    if tensor.type not in SOURCES or not _is_matrix(tensor):
        return tensor.type
    most, more = TARGETS[target]
    if tensor.name == output:
        return _fitting(tensor, "Q8_0" if target == "Q8_0" else "Q6_K")
    return _fitting(tensor, more if _matters(tensor.name, target, depth) else most)


def _is_matrix(tensor: Tensor) -> bool:
    weight = tensor.name.endswith("weight") and len(tensor.shape) >= 2
    return weight and not any(part in tensor.name for part in _KEPT)


def _matters(name: str, target: str, depth: _Depth) -> bool:
    found = _BLOCK.match(name)
    if found is None:
        return False
    block = int(found[1])
    if "attn_qkv" in name:
        return target.endswith("_M")
    if "attn_v" not in name and "ffn_down" not in name:
        return False
    if target.endswith("_S"):
        return block < 4 if "attn_v" in name else depth.first_eighth(block)
    return depth.every_third(block)


def _fitting(tensor: Tensor, wanted: str) -> str:
    row = tensor.shape[0]
    for name in (wanted, _FITTING.get(wanted, "")):
        blocks = {kind: block for kind, block, _ in TENSOR_TYPES.values()}
        if name and row % blocks[name] == 0:
            return name
    return tensor.type
