"""A prompt that does not fit is never sent: every model server would cut it without a word."""

import pytest

from app.answering.fake_chat import FakeChat
from app.answering.pipeline import Answerer, Defaults
from app.answering.records import AnswerStatus
from app.answering.retrieve import Retriever
from tests.app.answering.conftest import MANUAL_ZH, Library
from tests.app.answering.test_pipeline import LEAVE, answer_of

MODELS = ("gemma3-base:270m", "big:8b")


class Narrow(FakeChat):
    """A model of a context that is narrower than any form asks for."""

    def __init__(self, context: int) -> None:
        super().__init__(default="25 days", names=MODELS)
        self.context = context

    async def context_length(self, model: str) -> int | None:
        return self.context


def answerer_with(library: Library, retriever: Retriever, chat: FakeChat) -> Answerer:
    return Answerer(retriever, chat, library.embedder, Defaults(MODELS[0]))


async def test_a_question_that_fills_the_context_is_answered_by_quotes(
    library: Library, retriever: Retriever
) -> None:
    library.add("手册.txt", MANUAL_ZH)
    chat = FakeChat(default="1.8升", names=MODELS)
    answer = await answer_of(answerer_with(library, retriever, chat), "水箱的容量是多少？" * 800)
    assert chat.history == []
    assert answer.status is AnswerStatus.ANSWERED
    assert answer.answer.startswith("文档原文：\n“水箱容量为1.8升")
    assert answer.sources[0].cited
    assert {dropped.n for dropped in answer.dropped} == {source.n for source in answer.sources}
    assert all("no room" in dropped.reason for dropped in answer.dropped)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("context", [64, 256, 400, 512, 1024, 4096])
async def test_what_is_sent_fits_and_what_is_not_sent_is_told(
    library: Library, retriever: Retriever, model: str, context: int
) -> None:
    for number in range(8):
        library.add(f"{number}.txt", _rule(number))
    chat = Narrow(context)
    answer = await answer_of(answerer_with(library, retriever, chat), LEAVE, model=model, top_k=8)
    dropped = {one.n for one in answer.dropped}
    sent = ""
    for prompt in chat.history:
        sent = prompt.text or "\n".join(turn.content for turn in prompt.turns)
        tokens = await chat.count_tokens(model, sent, prompt.num_ctx)
        assert prompt.num_ctx <= context
        assert tokens is not None
        assert tokens + min(prompt.max_tokens, prompt.num_ctx // 2) <= prompt.num_ctx
    for source in answer.sources:
        assert source.n in dropped or f"region {source.document_name[0]}" in sent
    assert bool(chat.history) == (len(dropped - {None}) < len(answer.sources))


def _rule(number: int) -> str:
    return (
        f"Full-time employees receive {20 + number} days of annual leave in region {number}. "
        + f"Office {number} has {number + 3} lifts, a garden and a canteen for all. " * number
    )
