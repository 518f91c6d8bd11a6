"""The estimate: its arithmetic by hand, its shape by property, its truth by real children."""

from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.answers.options import LoadOptions
from backend.engine.llama_runner import LlamaRunner
from backend.engine.memory import estimate, refusal
from backend.engine.room import available_memory
from backend.engine.runner import Memory, RunnerKey, RunnerSpec
from backend.models import gguf
from backend.models.gguf import GGUF, Tensor
from backend.models.library import Library
from backend.models.store import ModelStore
from tests.fixtures.models import CHATTER, GENERATOR

MIB = 1 << 20


def model(*extra: Tensor, architecture: str = "llama", **metadata: int) -> GGUF:
    """Two layers of 64 keys and 64 values, width 256, vocabulary 1,000."""
    tensors = [Tensor("token_embd.weight", "F32", (256, 1000), 0, 1_024_000)]
    for layer in range(2):
        tensors += [
            Tensor(f"blk.{layer}.attn_{part}.weight", "F32", (256, 64), 0, 65_536) for part in "kv"
        ]
        tensors.append(Tensor(f"blk.{layer}.ffn_up.weight", "F32", (256, 512), 0, 524_288))
    metadata = {"embedding_length": 256, "attention__head_count": 4, "block_count": 2} | metadata
    named = {f"{architecture}.{key.replace('__', '.')}": value for key, value in metadata.items()}
    return GGUF(3, {"general.architecture": architecture, **named}, (*tensors, *extra))


def wanted(num_ctx: int = 1024, num_batch: int = 128, *, embedding: bool = False) -> RunnerSpec:
    load = LoadOptions(num_ctx=num_ctx, num_batch=num_batch)
    return RunnerSpec(RunnerKey(Path("m"), embedding), load)


def test_the_parts_by_hand() -> None:
    found = estimate(model(), wanted(), extra=7)
    assert found.weights == 1_024_000 + 4 * 65_536 + 2 * 524_288 + 7
    assert found.cache == 1024 * 2 * (64 + 64) * 2
    assert found.compute == 128 * (4 * (2 * 512 + 8 * 256) + 4 * 1024) + 4 * 1000
    assert found.total == found.weights + found.cache + found.compute + found.process


def test_slots_multiply_the_cache_and_a_quantised_one_is_smaller() -> None:
    plain = estimate(model(), wanted())
    assert estimate(model(), replace(wanted(), parallel=4)).cache == 4 * plain.cache
    eighth = estimate(model(), replace(wanted(), kv_type="q8_0")).cache
    fourth = estimate(model(), replace(wanted(), kv_type="q4_0")).cache
    assert (eighth / plain.cache, fourth / plain.cache) == (34 / 64, 18 / 64)


def test_without_flash_attention_the_scores_need_room() -> None:
    plain, slow = wanted(), replace(wanted(), flash_attention=False)
    more = estimate(model(), slow).compute - estimate(model(), plain).compute
    assert more == 128 * 4 * 4 * 1024


def test_embedding_with_a_language_model_pays_for_all_logits() -> None:
    plain, embedding = wanted(), wanted(embedding=True)
    more = estimate(model(), embedding).compute - estimate(model(), plain).compute
    assert more == 128 * 8 * 1000
    encoder = model(architecture="nomic-bert")
    assert estimate(encoder, embedding).cache == 0
    assert estimate(encoder, embedding).compute == estimate(encoder, plain).compute


def test_other_kinds_of_attention() -> None:
    layer = "blk.2.attn_"
    joint = Tensor(f"{layer}qkv.weight", "F32", (256, 384), 0, 0)
    latent = Tensor(f"{layer}kv_a_mqa.weight", "F32", (256, 96), 0, 0)
    shared = Tensor(f"{layer}k.weight", "F32", (256, 32), 0, 0)
    for tensor, numbers in ((joint, 2 * 64 * 2), (latent, 96), (shared, 64)):
        more = estimate(model(tensor, attention__head_count_kv=2), wanted())
        assert more.cache == 1024 * 2 * (2 * (64 + 64) + numbers)


def test_recurrent_layers_keep_a_state_instead() -> None:
    out = Tensor("blk.2.ssm_out.weight", "F32", (512, 256), 0, 0)
    found = estimate(model(out, ssm__inner_size=512, ssm__state_size=16), wanted())
    assert found.cache == estimate(model(), wanted()).cache + 512 * (16 + 4) * 4


def test_a_file_without_known_names_is_counted_by_its_metadata() -> None:
    bare = GGUF(3, model().metadata | {"llama.attention.head_count_kv": 2}, ())
    assert estimate(bare, wanted()).cache == 1024 * 2 * (2 * 2 * 64) * 2
    assert estimate(GGUF(3, {}, ()), wanted()).cache == 0


@given(
    st.integers(4, 1 << 17), st.integers(1, 4096), st.integers(1, 8), st.booleans(), st.booleans()
)
def test_more_of_anything_never_takes_less(
    context: int, batch: int, slots: int, embedding: bool, flash: bool
) -> None:
    spec = wanted(context, batch, embedding=embedding)
    spec = replace(spec, parallel=slots, flash_attention=flash)
    total = estimate(model(), spec).total
    larger = replace(spec.load, num_ctx=context + 1, num_batch=batch + 1)
    assert total <= estimate(model(), replace(spec, load=larger)).total
    assert total < estimate(model(), replace(spec, parallel=slots + 1)).total


def test_a_refusal_reads_as_ollamas_and_says_what_to_do() -> None:
    said = refusal(5 * 1024 * MIB + 410 * MIB, 310 * MIB)
    assert said.startswith(
        "model requires more system memory (5.4 GiB) than is available (310.0 MiB)"
    )
    assert "OLLAMA_KV_CACHE_TYPE" in said
    assert "(0.0 MiB)" in refusal(1, -5)


def test_a_container_with_less_than_the_machine_counts(tmp_path: Path) -> None:
    own, leaf = tmp_path / "own", tmp_path / "cg" / "a" / "b"
    leaf.mkdir(parents=True)
    own.write_text("4:memory:/x\n0::/a/b\n")
    (leaf / "memory.max").write_text("max\n")
    (leaf / "memory.current").write_text("5\n")
    upper = leaf.parent
    (upper / "memory.max").write_text(f"{100 * MIB}\n")
    (upper / "memory.current").write_text(f"{90 * MIB}\n")
    assert available_memory(tmp_path / "cg", own) == 10 * MIB
    (upper / "memory.stat").write_text(f"anon 5\nfile {40 * MIB}\n")
    assert available_memory(tmp_path / "cg", own) == 50 * MIB


def test_an_old_container_a_full_one_and_none(tmp_path: Path) -> None:
    machine = available_memory(tmp_path, tmp_path / "none")
    assert 0 < machine <= psutil.virtual_memory().total
    old = tmp_path / "memory"
    old.mkdir()
    (old / "memory.limit_in_bytes").write_text("1000")
    (old / "memory.usage_in_bytes").write_text("400")
    assert available_memory(tmp_path, tmp_path / "none") == 600
    (old / "memory.usage_in_bytes").write_text("4000")
    assert available_memory(tmp_path, tmp_path / "none") == 1


@pytest.mark.model
@pytest.mark.parametrize(("name", "num_ctx"), [(CHATTER, 512), (CHATTER, 8192), (GENERATOR, 4096)])
async def test_the_estimate_is_close_to_what_a_real_child_holds(
    ollama_models: Path, name: str, num_ctx: int
) -> None:
    opened = Library(ModelStore(ollama_models)).open(name)
    load = LoadOptions(num_ctx=num_ctx, num_batch=128, num_thread=1)
    spec = RunnerSpec(RunnerKey(opened.content.weights, False), load)
    expected = estimate(gguf.read(opened.content.weights), spec)
    runner = LlamaRunner(replace(spec, memory=expected))
    await runner.start()
    try:
        assert runner.pid is not None
        held = psutil.Process(runner.pid).memory_info().rss
        alone = runner.held()
    finally:
        await runner.stop()
    assert 0.8 <= expected.total / held <= 1.3
    assert expected.cache < alone < held
    assert Memory().total == 0
