"""How much evidence goes before the model: exact tokens of its real context, no silent cut."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.answering.chat_model import ChatModel
from app.answering.forms import Form
from app.answering.prompt import Exhibit, build, shown_line, shown_passage

MARGIN_TOKENS = 32
"""For the chat template's own marks and the start token, which only the server sees."""
CHARACTERS_A_TOKEN = 2.5
"""Estimate on the safe side for Latin script; measured means are 3.5 to 4.5."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens that a prompt may take. `num_ctx` is what the model is loaded with."""

    num_ctx: int
    evidence: int


@dataclass(frozen=True, slots=True)
class Fit:
    """Exhibits that go before the model, and those for which no room was left."""

    kept: list[Exhibit]
    left_out: list[Exhibit]


async def plan(chat: ChatModel, form: Form, model: str, question: str) -> Budget:
    """Return the room for evidence: the real context less template, question and reply."""
    longest = await chat.context_length(model)
    num_ctx = min(form.num_ctx, longest) if longest else form.num_ctx
    bare = build(form, model, question, [], num_ctx)
    around = bare.text or "\n".join(turn.content for turn in bare.turns)
    room = num_ctx - min(form.max_tokens, num_ctx // 2) - MARGIN_TOKENS
    if room - ceiling(around) < form.evidence_tokens:
        room -= await count(chat, model, around, num_ctx)
    else:
        room = form.evidence_tokens
    return Budget(num_ctx, max(0, min(form.evidence_tokens, room)))


async def fit(
    chat: ChatModel, form: Form, model: str, budget: Budget, exhibits: Sequence[Exhibit]
) -> Fit:
    """Keep exhibits, best first, as long as they fit; a later shorter one may still."""
    show = shown_line if form.prompt == "completion" else shown_passage
    shown = [show(exhibit) for exhibit in exhibits]
    if sum(ceiling(text) + 1 for text in shown) <= budget.evidence:
        return Fit(list(exhibits), [])
    sizes = await asyncio.gather(*(count(chat, model, text, budget.num_ctx) for text in shown))
    kept: list[Exhibit] = []
    left_out: list[Exhibit] = []
    room = budget.evidence
    for exhibit, size in zip(exhibits, sizes, strict=True):
        if size + 1 <= room:
            room -= size + 1
            kept.append(exhibit)
        else:
            left_out.append(exhibit)
    return Fit(kept, left_out)


async def count(chat: ChatModel, model: str, text: str, num_ctx: int) -> int:
    """Return the text's tokens: counted by the server where it can, else estimated high."""
    counted = await chat.count_tokens(model, text, num_ctx)
    return counted if counted is not None else estimate(text)


def ceiling(text: str) -> int:
    """Return tokens that no tokeniser exceeds which falls back to bytes: one a byte."""
    return len(text.encode())


def estimate(text: str) -> int:
    """Return a number of tokens that real tokenisers seldom exceed."""
    wide = sum(1 for character in text if ord(character) > 0x2E7F)
    return int(wide * 1.5 + (len(text) - wide) / CHARACTERS_A_TOKEN) + 1
