"""Which of its templates a stored model is written by, and what is taken out of its messages."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.errors import TemplateError
from backend.models.library import Library, OpenModel
from backend.models.store import ModelStore
from backend.prompts.conversation import Conversation
from backend.prompts.earlier_thinking import without_earlier_thinking
from backend.prompts.form import prompt_form
from tests.backend.gguf_files import TINY, write_gguf

GO = "{{ range .Messages }}{{ if .ToolCalls }}<go>{{ end }}{{ .Content }}{{ end }}"
JINJA = {"tokenizer.chat_template": "<tool_call></think>"}
Opened = Callable[..., OpenModel]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Stores a model with a Go template, Jinja, both or neither, and config keys; opens it."""

    def make(go: str | None, jinja: bool, name: str = "m", **config: str) -> OpenModel:
        store = ModelStore(tmp_path / "models")
        metadata = {key: value for key, value in TINY.items() if "template" not in key}
        gguf = write_gguf(tmp_path / "m.gguf", metadata | (JINJA if jinja else {}))
        model = Library(store).open(store.add(name, gguf, template=go).name.full)
        stored = replace(model.stored, config={**model.stored.config, **config})
        return replace(model, stored=stored)

    return make


@pytest.mark.parametrize(
    ("go", "jinja", "config", "asked", "tag"),
    [
        (GO, True, {}, None, "<go>"),
        (GO, False, {}, None, "<go>"),
        (None, True, {}, None, None),
        (None, True, {}, GO, "<go>"),
        (None, False, {}, None, "{"),
        (GO, True, {"renderer": "qwen3-coder"}, None, None),
        (GO, True, {"parser": "never-heard-of"}, None, None),
        (GO, False, {"parser": "harmony"}, None, "<go>"),
        (None, True, {"renderer": "x"}, GO, "<go>"),
    ],
)
def test_the_template_in_force(
    opened: Opened, go: str | None, jinja: bool, config: dict[str, str], asked: str | None,
    tag: str | None,
) -> None:  # fmt: skip
    form = prompt_form(opened(go, jinja, **config), asked)
    if tag is None:
        assert form.go is None
        assert (form.tool_call_tag, form.thinking_tags) == ("<tool_call>", ("<think>", "</think>"))
    else:
        assert form.go is not None
        assert form.tool_call_tag == tag


def test_a_model_without_any_template_gets_the_text_alone(opened: Opened) -> None:
    go = prompt_form(opened(None, jinja=False)).go
    assert go is not None
    assert go.render(Conversation([{"role": "user", "content": "Hi"}])) == "Hi"


def test_a_bad_template_of_a_request_is_told(opened: Opened) -> None:
    with pytest.raises(TemplateError, match="unclosed action"):
        prompt_form(opened(GO, jinja=True), "{{ .Prompt")


THOUGHT = "<think>\nhm\n</think>\n\nYes"
TALK: list[dict[str, Any]] = [
    {"role": "user", "content": THOUGHT},
    {"role": "assistant", "content": THOUGHT, "thinking": "kept"},
    {"role": "assistant", "content": "No <think>x</think>"},
    {"role": "user", "content": "And?"},
    {"role": "assistant", "content": THOUGHT},
]


@pytest.mark.parametrize(
    ("name", "config", "removed"),
    [
        ("m", {"model_family": "qwen3"}, True),
        ("m", {"model_family": "qwen3moe"}, True),
        ("DeepSeek-R1:7b", {}, True),
        ("m", {"model_family": "qwen2"}, False),
        ("m", {}, False),
    ],
)
def test_earlier_thinking(opened: Opened, name: str, config: dict[str, str], removed: bool) -> None:
    model = opened(None, True, name, **config)
    talk = without_earlier_thinking(model, TALK)
    assert talk == [TALK[0], TALK[1] | ({"content": "Yes"} if removed else {}), *TALK[2:]]
    assert TALK[1]["content"] == THOUGHT


def test_thinking_before_no_question_stays(opened: Opened) -> None:
    model = opened(None, True, model_family="qwen3")
    assert without_earlier_thinking(model, TALK[1:3]) == TALK[1:3]
