import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.embedding_folder import languages, read_identity
from ingest.fake_embed import HashingEmbedder
from ingest.hf_embed import HuggingFaceEmbedder, batches
from ingest.turns import Turns
from tests.fixtures.models import models_folder

TEXTS = ["The warranty lasts two years.", "Bananas are yellow.", "保修期为两年。", ""]


@pytest.fixture(scope="module")
def real() -> HuggingFaceEmbedder:
    folder = models_folder() / "embedding" / "all-MiniLM-L6-v2"
    if not folder.is_dir():
        pytest.skip(f"no embedding model in {folder}: run `make setup`, or set RAGSTONE_MODELS_DIR")
    return HuggingFaceEmbedder(folder)


def test_hashing_is_the_same_everywhere_and_finds_shared_words() -> None:
    embedder = HashingEmbedder()
    vectors = embedder.embed_passages(TEXTS)
    assert vectors.shape == (4, 64)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.array_equal(vectors, HashingEmbedder().embed_passages(TEXTS))
    query = embedder.embed_query("How long does the warranty last?")
    assert np.argmax(vectors @ query) == 0
    assert np.argmax(vectors @ embedder.embed_query("保修多久？")) == 2
    assert embedder.ready


@given(st.text(max_size=50), st.text(max_size=50))
def test_hashing_counts_add_up(one: str, other: str) -> None:
    count = HashingEmbedder().count_tokens
    assert count(f"{one} {other}") - 2 == (count(one) - 2) + (count(other) - 2)


def test_the_real_model_says_what_it_is_without_loading(real: HuggingFaceEmbedder) -> None:
    identity = real.identity
    assert (identity.model, identity.dimensions, identity.max_tokens) == (
        "all-MiniLM-L6-v2",
        384,
        256,
    )
    assert identity.languages == ("en",)
    assert len(identity.content_hash) == 64
    assert real.count_tokens("") == 2
    assert real.count_tokens("Hello, world") == 5
    assert real.count_tokens("word " * 1000) == 1002


def test_the_real_model_embeds(real: HuggingFaceEmbedder) -> None:
    texts = [*TEXTS, "A much longer text about guarantees. " * 20]
    vectors = real.embed_passages(texts, background=True)
    assert real.ready
    assert vectors.shape == (5, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    query = real.embed_query("How long is the guarantee?")
    assert np.argmax(vectors[:2] @ query) == 0
    alone = real.embed_passages(texts[1:2])[0]
    assert float(alone @ vectors[1]) == pytest.approx(1, abs=1e-4)


def test_the_real_model_serves_threads_at_once(real: HuggingFaceEmbedder) -> None:
    expected = real.embed_query("same question")
    results: list[bool] = []

    def ask() -> None:
        results.append(np.allclose(real.embed_query("same question"), expected, atol=1e-5))
        real.count_tokens("while others embed " * 50)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 8


def test_a_folder_without_a_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="make setup"):
        HuggingFaceEmbedder(tmp_path).load()
    (tmp_path / "config.json").write_text('{"hidden_size": 8}')
    with pytest.raises(OSError, match="RAGSTONE_EMBEDDING_MODEL"):
        read_identity(tmp_path)


def test_the_hash_follows_the_weights(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"hidden_size": 8, "max_position_embeddings": 128}')
    (tmp_path / "model.safetensors").write_bytes(b"one")
    one = read_identity(tmp_path)
    assert (one.dimensions, one.max_tokens, one.languages) == (8, 128, ())
    assert read_identity(tmp_path) == one
    (tmp_path / "model.safetensors").write_bytes(b"two")
    assert read_identity(tmp_path).content_hash != one.content_hash


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("---\nlanguage: en\n---\n", ("en",)),
        ("---\nlicence: mit\nlanguage:\n- en\n- zh\n---\n", ("en", "zh")),
        ("---\nlicence: mit\n---\nlanguage: en\n", ()),
        ("no front matter", ()),
    ],
)
def test_languages_come_from_the_model_card(
    tmp_path: Path, card: str, expected: tuple[str, ...]
) -> None:
    (tmp_path / "README.md").write_text(card)
    assert languages(tmp_path) == expected


@given(st.lists(st.integers(0, 9000), max_size=60))
def test_batches_hold_every_row_once_and_little_padding(lengths: list[int]) -> None:
    texts = ["x" * length for length in lengths]
    found = list(batches(texts))
    assert sorted(row for batch in found for row in batch) == list(range(len(texts)))
    for batch in found:
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or len(batch) * longest <= 4000
        assert len(batch) <= 8


def test_a_question_goes_before_waiting_background_work() -> None:
    turns = Turns()
    order: list[str] = []
    queued = threading.Barrier(3)

    def work(name: str, *, background: bool) -> None:
        queued.wait()
        with turns.turn(background=background):
            order.append(name)

    with turns.turn(background=True):
        threads = [
            threading.Thread(target=work, args=("passages",), kwargs={"background": True}),
            threading.Thread(target=work, args=("question",), kwargs={"background": False}),
        ]
        for thread in threads:
            thread.start()
        queued.wait()
        while not turns.urgent_waiting:
            threading.Event().wait(0.001)
    for thread in threads:
        thread.join()
    assert order == ["question", "passages"]
