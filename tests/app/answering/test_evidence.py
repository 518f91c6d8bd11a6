"""Passages to sentences, and which of them answer."""

import pytest

from app.answering.candidates import candidates
from app.answering.evidence import asks_for_number, covered, idf, missing_names, rank, select
from tests.app.answering.conftest import HANDBOOK, MANUAL_ZH
from tests.app.answering.made import passage


def best(question: str, *texts: str) -> str:
    passages = [passage(text, id=str(i)) for i, text in enumerate(texts)]
    return rank(question, candidates(passages), [1.0] * len(texts))[0].candidate.text


def test_offsets_point_into_the_document() -> None:
    document = "xxxx" + HANDBOOK
    for candidate in candidates([passage(HANDBOOK, start=4)]):
        assert document[candidate.start : candidate.end] == candidate.text


def test_a_figure_of_the_kind_that_is_asked_for_goes_before_another() -> None:
    leave = "员工入职满一年后享有带薪年假 7 天。"
    assert best("员工每年有多少天年假？", "每位员工每年有 3000 元的培训经费。", leave) == leave


def test_a_table_row_keeps_its_header() -> None:
    table = (
        "| Item | Replaced after |\n| --- | --- |\n| Laptop | 4 years |\n| Telephone | 3 years |"
    )
    rows = {c.text: c for c in candidates([passage(table)])}
    assert "| --- | --- |" not in rows
    assert rows["| Telephone | 3 years |"].lead == "| Item | Replaced after |"
    assert "| Item | Replaced after |" not in rows


def test_a_list_item_keeps_what_opens_the_list() -> None:
    text = "You need to bring the following documents:\n- a passport\n- two photographs"
    items = {c.text: c for c in candidates([passage(text)])}
    assert items["- two photographs"].lead == "You need to bring the following documents:"


def test_a_pronoun_keeps_the_sentence_before() -> None:
    text = "Ines Falk was elected mayor. She opened the library in 1954."
    second = candidates([passage(text)])[1]
    assert second.lead == "Ines Falk was elected mayor."


def test_an_answer_keeps_the_question_before_it() -> None:
    pool = candidates(
        [passage("What does a visit cost?\n\nThe fee is 95 euros. It is due at once.")]
    )
    assert [(c.announces, c.lead) for c in pool] == [
        (True, ""),
        (False, "What does a visit cost?"),
        (False, "The fee is 95 euros."),
    ]


@pytest.mark.parametrize("heading", ["Parental leave", "## Parental leave"])
def test_a_heading_is_known_by_its_section(heading: str) -> None:
    text = f"{heading}\n\nParental leave is 12 weeks."
    made = passage(text, section=("Handbook", "Parental leave"))
    assert [c.announces for c in candidates([made])] == [True, False]


@pytest.mark.parametrize(
    ("question", "text", "part"),
    [
        ("保养合同多少钱？", "保养合同多少钱？\n\n每台设备每年 6800 元。合同可以续签。", "6800"),
        ("What does a visit cost?", "What does a visit cost?\n\nThe fee is 95 euros.", "95"),
        (
            "Is there a fee for a visit?",
            "What is the fee for a visit? Nobody knows. It is high.",
            "No",
        ),
    ],
)
def test_a_question_does_not_answer_itself(question: str, text: str, part: str) -> None:
    assert part in best(question, text)


def test_a_sentence_that_two_chunks_share_comes_once() -> None:
    text = "One thing. Another thing."
    first = passage(text, id="a")
    again = passage("Another thing.", id="a", start=11)
    assert [c.text for c in candidates([first, again])] == ["One thing.", "Another thing."]


def test_a_sentence_without_end_is_cut() -> None:
    pieces = candidates([passage("word, " * 400)])
    assert all(len(piece.text) <= 600 for piece in pieces)
    assert "".join(p.text for p in pieces).count("word") == 400


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("How many days of annual leave do full-time employees get?", "25 days"),
        ("Who approves long flights?", "Maria Okafor"),
        ("When does unused leave expire?", "31 March"),
        ("After how long is a telephone replaced?", "3 years"),
    ],
)
def test_the_sentence_with_the_answer_is_first(question: str, part: str) -> None:
    assert part in best(question, *HANDBOOK.split("\n\n"))


@pytest.mark.parametrize(
    ("question", "part"),
    [("水箱的容量是多少？", "1.8升"), ("保修期有多久？", "两年"), ("多少次后要除垢？", "二十五次")],
)
def test_the_same_in_chinese(question: str, part: str) -> None:
    assert part in best(question, *MANUAL_ZH.split("\n\n"))


def test_rare_words_weigh_more() -> None:
    pool = candidates([passage("The pump is red. The pump is old. The valve is blue.")])
    weights = idf("Which pump has a valve?", pool)
    assert weights["valv"] > weights["pump"] > 0


def test_words_around_count_less() -> None:
    weights = {"pump": 1.0}
    assert covered(weights, "the pump") == 1.0
    assert 0 < covered(weights, "it is red", "the pump") < 0.5
    assert covered(weights, "nothing") == 0.0
    assert covered({}, "the pump") == 0.0


def test_similarity_lifts_a_paraphrase() -> None:
    pool = candidates([passage("Holidays are plenty here. The canteen opens at noon.")])
    ranked = rank("How much vacation?", pool, [1.0], {0: 0.8, 1: 0.1})
    assert ranked[0].candidate.text.startswith("Holidays")


def test_a_repeated_sentence_is_chosen_once() -> None:
    text = "Leave is 25 days a year."
    pool = candidates(
        [passage(text, id="a"), passage(text, id="b"), passage("Leave ends.", id="c")]
    )
    assert len(select(rank("How long is leave?", pool, [1, 1, 1]), 3)) == 2


def test_missing_names() -> None:
    text = "Tesla died in New York in 1943."
    assert missing_names("When did Nikola Tesla die in Paris?", [text]) == pytest.approx(2 / 3)
    assert missing_names("What is it?", [text]) == 0.0


@pytest.mark.parametrize(
    "question", ["How many days?", "In which year?", "水箱容量是多少", "哪一年去世"]
)
def test_questions_for_a_number(question: str) -> None:
    assert asks_for_number(question)
