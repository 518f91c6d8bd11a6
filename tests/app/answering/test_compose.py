"""What is shown leads with words that the documents carry."""

from app.answering.candidates import candidates
from app.answering.cite import marks, read_marks, to_sources, with_cited
from app.answering.compose import Checked, Draft, abstention, quotes_of
from app.answering.evidence import Evidence, rank
from app.answering.records import Verdict
from app.answering.verify import Check
from tests.app.answering.made import passage

S, P, U = Verdict.SUPPORTED, Verdict.PARTIAL, Verdict.UNSUPPORTED
LEAVE = passage("Leave is 25 days a year. It ends in March.", id="a", name="handbook.pdf")
TRAVEL = passage("Trains are second class.", id="b", name="travel.md")


def evidence(question: str = "How long is leave?") -> list[Evidence]:
    return rank(question, candidates([LEAVE, TRAVEL]), [1.0, 0.5])


def said(text: str, verdict: Verdict, *citations: int) -> Checked:
    return Checked(text, Check(verdict, 0.9, citations, "Leave is 25 days a year."))


def test_supported_words_lead() -> None:
    draft = Draft()
    draft.add(said("25 days", S, 1))
    composed = draft.finish(evidence()[:1], always_quote=True, chinese=False)
    assert composed.text == "25 days [1]\n\n“Leave is 25 days a year.” [1]"
    assert composed.cited == {1}


def test_long_supported_words_stand_alone_where_quotes_are_not_asked_for() -> None:
    draft = Draft()
    sentence = "All employees have 25 days of leave in every year."
    draft.add(said(sentence, S, 1))
    composed = draft.finish(evidence(), always_quote=False, chinese=False)
    assert composed.text == f"{sentence} [1]"


def test_unsupported_words_come_after_the_quotes() -> None:
    draft = Draft()
    assert draft.add(said("40 days", U)) == []
    composed = draft.finish(evidence()[:1], always_quote=False, chinese=False)
    assert composed.text.startswith("The documents say:\n“Leave is 25 days a year.” [1]\n\n")
    assert composed.text.endswith("which no passage supports: 40 days")
    assert [s.verdict for s in composed.sentences] == [U]


def test_what_was_settled_never_changes() -> None:
    draft = Draft()
    assert draft.add(said("First.", U)) == []
    settled = draft.add(said("Second.", S, 2))
    before = draft.text
    assert [s.text for s in settled] == ["First.", "Second."]
    draft.add(said("Third.", U))
    composed = draft.finish(evidence(), always_quote=True, chinese=False)
    assert composed.text.startswith(before)
    for sentence in composed.sentences:
        assert composed.text[sentence.start : sentence.end] == sentence.text


def test_without_words_the_quotes_answer() -> None:
    composed = Draft().finish(evidence()[:1], always_quote=True, chinese=True)
    assert composed.text == "文档原文：\n“Leave is 25 days a year.” [1]"
    assert composed.sentences == ()


def test_without_words_and_quotes_nothing_is_said() -> None:
    assert Draft().finish([], always_quote=True, chinese=False).text == ""


def test_chinese_sentences_are_not_set_apart_by_blanks() -> None:
    draft = Draft()
    draft.add(said("水箱是红色的。", S, 1))
    draft.add(said("水泵是蓝色的。", S, 1))
    assert draft.text == "水箱是红色的。 [1]水泵是蓝色的。 [1]"


def test_only_quotes_nearly_as_good_as_the_best_are_shown() -> None:
    first, second, *_ = evidence()
    weak = Evidence(second.candidate, first.score, first.coverage / 4)
    assert quotes_of([first, weak]) == [first]
    assert quotes_of([]) == []


def test_abstention_names_what_was_looked_for_and_what_came_closest() -> None:
    sources = to_sources([LEAVE, TRAVEL], evidence())
    text = abstention("Who pays for the canteen?", sources)
    assert "“pays”, “canteen”" in text
    assert "handbook.pdf, travel.md" in text
    assert "食堂" in abstention("食堂由谁付钱？", sources)


def test_a_sentence_is_not_quoted_again_as_the_beginning_of_another_quote() -> None:
    texts = passage("The MT/ST came in 1964. It let people edit what the MT/ST had typed.", id="a")
    ranked = rank("When did the MT/ST come?", candidates([texts]), [1.0])
    assert len(ranked) == 2
    assert len({e.candidate.readable for e in quotes_of(ranked)}) == 1


def test_sources_are_numbered_and_quoted() -> None:
    sources = to_sources([LEAVE, TRAVEL], evidence())
    assert [source.n for source in sources] == [1, 2]
    assert sources[0].quote == "Leave is 25 days a year."
    assert (sources[0].start, sources[0].end) == (0, 24)
    assert [source.cited for source in with_cited(sources, {2})] == [False, True]


def test_marks() -> None:
    found = read_marks("It is so [1], [2, 7].", {1, 2, 3})
    assert found.numbers == (1, 2)
    assert found.text == "It is so,."
    assert read_marks("Plain [sic].", {1}).text == "Plain [sic]."
    assert marks([1, 3]) == " [1][3]"
    assert marks([]) == ""
