import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tokens import STOP_WORDS, asked_tokens, stored_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        (" \n\t—…!?", []),
        ("Hello, World!", ["hello", "world"]),
        ("RAGSTONE_MAX_UPLOAD_MB=100", ["ragstone", "max", "upload", "mb", "100"]),
        ("Café Ångström naïve", ["cafe", "angstrom", "naive"]),
        ("Straße İzmir", ["straße", "izmir"]),
        ("Москва Ёлка", ["москва", "ёлка"]),
        ("Ελλάδα", ["ελλαδα"]),
        ("ﬁle Ｆｕｌｌ １２３", ["file", "full", "123"]),
        ("Alice's dogs' don't can’t", ["alice", "dogs", "dont", "cant"]),
        ("COVID-19 in 3.5%", ["covid", "19", "in", "3", "5"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("一", ["一"]),
        ("知识库", ["知", "识", "库", "知识", "识库"]),
        ("用Python写RAG", ["用", "python", "写", "rag"]),
        ("東京タワー", [*"東京タワー", "東京", "京タ", "タワ", "ワー"]),
        ("한국어", [*"한국어", "한국", "국어"]),
        ("𠮷野家", [*"𠮷野家", "𠮷野", "野家"]),
    ],
)
def test_stored_text_becomes_words_characters_and_pairs(text: str, tokens: list[str]) -> None:
    assert stored_tokens(text) == tokens


@pytest.mark.parametrize(
    ("question", "tokens"),
    [
        ("What is the refund period?", ["refund", "period"]),
        ("to be or not to be", ["to", "be", "or", "not"]),
        ("refund REFUND Refund", ["refund"]),
        ("书", ["书"]),
        ("保修期多长", ["保修", "修期", "期多", "多长"]),
        ('NEAR(a b) AND "c" -d* ^e', ["near", "b", "c", "d", "e"]),
        ("???", []),
    ],
)
def test_a_question_becomes_what_to_look_for(question: str, tokens: list[str]) -> None:
    assert asked_tokens(question) == tokens


def test_simplified_and_traditional_characters_stay_what_they_are() -> None:
    assert set(asked_tokens("圖書")) & set(stored_tokens("图书")) == set()


text = st.text(
    st.one_of(
        st.sampled_from("知识库日本語한국어éÉßﬁ１Ａ'’ \n"),
        st.sampled_from(string.printable),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
)


@given(text)
def test_every_question_token_is_found_in_the_same_text_stored(content: str) -> None:
    assert set(asked_tokens(content)) <= set(stored_tokens(content))


@given(text)
def test_no_token_holds_anything_that_fts5_would_cut_or_read_as_syntax(content: str) -> None:
    for token in stored_tokens(content):
        assert token
        assert not set(token) & (set(string.punctuation) | set(string.whitespace) | {"\0"})


@given(st.text(st.sampled_from("知识库图书馆"), min_size=2, max_size=12), st.data())
def test_any_part_of_a_chinese_run_finds_it(run: str, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(run) - 1))
    last = data.draw(st.integers(first + 1, len(run)))
    assert set(asked_tokens(run[first:last])) <= set(stored_tokens(run))


@given(text)
def test_letter_case_and_compatibility_forms_do_not_matter(content: str) -> None:
    normal = unicodedata.normalize("NFKC", content)
    assert stored_tokens(normal) == stored_tokens(unicodedata.normalize("NFKC", normal))
    ascii_part = "".join(c for c in content if c.isascii())
    assert stored_tokens(ascii_part.upper()) == stored_tokens(ascii_part)


def test_stop_words_are_words_as_the_index_sees_them() -> None:
    assert stored_tokens(" ".join(sorted(STOP_WORDS))) == sorted(STOP_WORDS)
