"""Forms, prompts and budgets."""

import pytest

from app.answering.budget import Budget, ceiling, count, estimate, fit, plan
from app.answering.fake_chat import FakeChat
from app.answering.forms import PROMPTS, form_for, forms
from app.answering.prompt import Exhibit, build, template_text

SMALL, BIG = "gemma3-base:270m", "llama3.1:8b"


class Uncounted(FakeChat):
    """A server that cannot count tokens, as Ollama itself."""

    async def count_tokens(self, model: str, text: str, num_ctx: int) -> int | None:
        return None


class Short(FakeChat):
    """A model with a short context."""

    async def context_length(self, model: str) -> int | None:
        return 256


@pytest.mark.parametrize(
    ("model", "prompt", "quote"),
    [
        (SMALL, "completion", "always"),
        ("smollm2:135m", "chat", "always"),
        ("llama3.2:3b", "chat", "when_needed"),
        ("hf.co/somebody/Qwen2.5:0.5b-instruct", "chat", "always"),
        ("never-heard-of", "chat", "when_needed"),
    ],
)
def test_a_models_form_follows_from_its_name(model: str, prompt: str, quote: str) -> None:
    form = form_for(model)
    assert (form.prompt, form.quote) == (prompt, quote)


def test_every_form_has_its_templates_in_both_languages() -> None:
    for form in forms():
        for language in ("en", "zh"):
            text = template_text(form.template, language)
            assert text.index("{evidence}") < text.index("{question}")
            assert ("=== user ===" in text) is (form.prompt == "chat")


def test_every_template_is_used() -> None:
    used = {f"{form.template}.{language}.txt" for form in forms() for language in ("en", "zh")}
    assert {path.name for path in PROMPTS.glob("*.txt")} == used


def test_the_fixed_part_comes_first_and_is_the_same_for_every_question() -> None:
    form = form_for(SMALL)
    prompts = [
        build(form, SMALL, question, [Exhibit(1, text)], 2048).text or ""
        for question, text in [("Who?", "Anna."), ("When?", "In May.")]
    ]
    fixed = template_text(form.template, "en").partition("{evidence}")[0]
    assert all(text.startswith(fixed) for text in prompts)


def test_placeholders_in_evidence_stay_as_they_are() -> None:
    form = form_for(SMALL)
    text = build(form, SMALL, "What {evidence}?", [Exhibit(1, "set {question} to 5")], 2048).text
    assert text is not None
    assert "set {question} to 5" in text
    assert "What {evidence}?" in text


async def test_the_plan_leaves_room_for_template_question_and_reply() -> None:
    form = form_for(SMALL)
    assert (await plan(FakeChat(), form, SMALL, "Who?")).evidence == form.evidence_tokens
    tight = await plan(Short(), form, SMALL, "Who?")
    assert tight.num_ctx == 256
    assert 0 < tight.evidence < form.evidence_tokens
    assert (await plan(Short(), form, SMALL, "word " * 300)).evidence == 0


async def test_what_does_not_fit_is_left_out_and_a_shorter_one_still_goes_in() -> None:
    form = form_for(SMALL)
    long, short = Exhibit(2, "word " * 40), Exhibit(3, "three short words")
    found = await fit(
        FakeChat(), form, SMALL, Budget(2048, 30), [Exhibit(1, "one " * 20), long, short]
    )
    assert [e.n for e in found.kept] == [1, 3]
    assert [e.n for e in found.left_out] == [2]


async def test_a_server_that_cannot_count_gets_a_careful_estimate() -> None:
    text = "Full-time employees receive 25 days of leave."
    assert await count(FakeChat(), SMALL, text, 2048) == 7
    assert await count(Uncounted(), SMALL, text, 2048) == estimate(text) > 7
    assert estimate("水箱容量为1.8升") >= 10
    assert ceiling("水箱") == 6
