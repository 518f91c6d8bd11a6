"""GGUF files with random weights beside a real model: eyes and an adapter for it.

Nothing in them was trained, so what they say means nothing; but that llama.cpp takes them, and that
its answer depends on them, is the whole way from a request to the native code.
"""

from pathlib import Path

import gguf
import numpy as np

SIDE, PATCH, WIDTH, HIDDEN = 32, 8, 32, 64


def write_projector(path: Path, embedding: int, seed: int = 0) -> Path:
    """A vision tower of one block and a projector of Gemma's kind: a picture is one token."""
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type("mmproj")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.use_gelu", True)
    writer.add_string("clip.projector_type", "gemma3")
    for key, value in {
        "image_size": SIDE,
        "patch_size": PATCH,
        "embedding_length": WIDTH,
        "feed_forward_length": HIDDEN,
        "projection_dim": embedding,
        "block_count": 1,
        "attention.head_count": 2,
    }.items():
        writer.add_uint32(f"clip.vision.{key}", value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    writer.add_array("clip.vision.image_mean", [0.5] * 3)
    writer.add_array("clip.vision.image_std", [0.5] * 3)
    shapes: dict[str, tuple[int, ...]] = {
        "v.patch_embd.weight": (WIDTH, 3, PATCH, PATCH),
        "v.patch_embd.bias": (WIDTH,),
        "v.position_embd.weight": ((SIDE // PATCH) ** 2, WIDTH),
        "v.blk.0.ffn_up.weight": (HIDDEN, WIDTH),
        "v.blk.0.ffn_up.bias": (HIDDEN,),
        "v.blk.0.ffn_down.weight": (WIDTH, HIDDEN),
        "v.blk.0.ffn_down.bias": (WIDTH,),
        "mm.input_projection.weight": (WIDTH, embedding),
        "mm.soft_emb_norm.weight": (WIDTH,),
    }
    for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
        shapes |= {f"v.blk.0.{part}.weight": (WIDTH, WIDTH), f"v.blk.0.{part}.bias": (WIDTH,)}
    for part in ("v.blk.0.ln1", "v.blk.0.ln2", "v.post_ln"):
        shapes |= {f"{part}.weight": (WIDTH,), f"{part}.bias": (WIDTH,)}
    for name, shape in shapes.items():
        writer.add_tensor(name, random.normal(0, 0.5, shape).astype(np.float32))
    return _written(writer, path)


def write_adapter(
    path: Path, embedding: int, rank: int = 2, scale: float = 1.0, seed: int = 0
) -> Path:
    """A LoRA adapter of a llama model's first block, big enough to change what it says."""
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(rank))
    name = "blk.0.attn_q.weight"
    for half, shape in (("lora_a", (rank, embedding)), ("lora_b", (embedding, rank))):
        values = scale * random.normal(0, 1, shape)
        writer.add_tensor(f"{name}.{half}", values.astype(np.float32))
    return _written(writer, path)


def _written(writer: gguf.GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
