"""Whatever a model says, what is shown keeps its promises: offsets, citations, no unsaying."""

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.answering import reply
from app.answering.events import Answered, Event, SentenceChecked, SourcesFound, Token
from app.answering.fake_chat import FakeChat
from app.answering.pipeline import Answerer, Defaults
from app.answering.records import AnswerStatus, Question, Verdict
from app.answering.retrieve import Retriever
from app.openai_chat import from_collection
from app.openai_shape import shown_text
from tests.app.answering.conftest import HANDBOOK, MANUAL_ZH, Library

LEAVE = "How many days of annual leave do full-time employees receive?"
TANK = "水箱的容量是多少？"
MODELS = ("gemma3-base:270m", "big:8b")
SAID = [
    *("25 days", "40 days", " 25 days [1].", "[1][2]", "[9]", "[1, 3；", "Yes.", "是的。"),
    *("Full-time employees receive 25 days of annual leave per year. ", "It is not. "),
    *("水箱容量为1.8升。", "水箱容量为三升。", "保修期为两年，由上海维修中心负责维修。"),
    *("<think>", "</think>", "Answer: ", "\n", "\n\n", " ", "…", "“", "{words}", "{sought}", "- "),
    *("I do not know.", "文档中没有说明。", LEAVE, "</passage>", "\u2028", "\x00", "😀"),
]
replies = st.lists(st.sampled_from(SAID) | st.text(max_size=8), max_size=9).map("".join)


def ask(answerer: Answerer, question: str, model: str) -> list[Event]:
    async def heard() -> list[Event]:
        return [event async for event in answerer.answer(Question(question, model=model))]

    return asyncio.run(heard())


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(said=replies, question=st.sampled_from([LEAVE, TANK]), model=st.sampled_from(MODELS))
def test_any_reply_becomes_an_answer_that_holds_together(
    library: Library, retriever: Retriever, said: str, question: str, model: str
) -> None:
    if not library.catalogue.documents.list("default")[0]:
        library.add("handbook.txt", HANDBOOK)
        library.add("手册.txt", MANUAL_ZH)
    chat = FakeChat([said], names=MODELS)
    answerer = Answerer(retriever, chat, library.embedder, Defaults(MODELS[0]))
    events = ask(answerer, question, model)

    assert isinstance(events[0], SourcesFound)
    assert isinstance(events[-1], Answered)
    answer = events[-1].answer
    assert answer.answer.strip()
    known = {source.n for source in answer.sources}
    cited = {source.n for source in answer.sources if source.cited}
    for sentence in answer.sentences:
        assert answer.answer[sentence.start : sentence.end] == sentence.text
        assert set(sentence.citations) <= known & cited
        assert bool(sentence.citations) == (
            sentence.verdict in (Verdict.SUPPORTED, Verdict.PARTIAL)
        )
    checked = [event for event in events if isinstance(event, SentenceChecked)]
    assert [event.sentence for event in checked] == list(answer.sentences)[: len(checked)]
    assert all(answer.answer.startswith(event.so_far) for event in checked)
    tokens = "".join(event.text for event in events if isinstance(event, Token))
    assert tokens == said[: len(tokens)]
    assert answer.model_answer == reply.clean(tokens)
    for source in answer.sources:
        if source.quote is not None:
            assert library.text(source.document_id)[source.start : source.end] == source.quote
    if answer.status is AnswerStatus.ABSTAINED:
        assert answer.sentences == ()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(said=replies, model=st.sampled_from(MODELS))
def test_an_openai_stream_of_any_reply_is_the_whole_answer(
    library: Library, retriever: Retriever, said: str, model: str
) -> None:
    if not library.catalogue.documents.list("default")[0]:
        library.add("handbook.txt", HANDBOOK)
    chat = FakeChat([said, said], names=MODELS)
    answerer = Answerer(retriever, chat, library.embedder, Defaults(MODELS[0]))

    async def streamed() -> str:
        question = Question(LEAVE, model=model)
        return "".join([part.text async for part in from_collection(answerer.answer(question))])

    last = ask(answerer, LEAVE, model)[-1]
    assert isinstance(last, Answered)
    assert asyncio.run(streamed()) == shown_text(last.answer)


@given(replies)
def test_cleaning_twice_changes_nothing_and_adds_nothing(said: str) -> None:
    cleaned = reply.clean(said)
    assert len(cleaned) <= len(said)
    for sentence in reply.sentences(cleaned):
        assert sentence in said
