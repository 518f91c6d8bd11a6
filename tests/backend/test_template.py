"""The subset of Go templates that is rendered, and the refusal of the rest."""

import pytest

from backend.errors import UnsupportedTemplate
from backend.template import Template, render_conversation

CHATML = (
    "{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}"
    "{{ if .Prompt }}<|im_start|>user\n{{ .Prompt }}<|im_end|>\n{{ end }}"
    "<|im_start|>assistant\n{{ .Response }}<|im_end|>\n"
)


def said(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in pairs]


def test_a_conversation_ends_where_the_reply_begins() -> None:
    text = render_conversation(
        Template(CHATML), said(("system", "S"), ("user", "a"), ("assistant", "b"), ("user", "c"))
    )
    assert text == (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n"
        "<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_last_assistant_message_is_continued() -> None:
    text = render_conversation(Template(CHATML), said(("user", "a"), ("assistant", "b")))
    assert text.endswith("<|im_start|>assistant\nb")


def test_messages_of_one_role_are_one() -> None:
    assert render_conversation(Template("{{ .Prompt }}"), said(("user", "a"), ("user", "b"))) == (
        "a\n\nb"
    )


@pytest.mark.parametrize(
    ("source", "text"),
    [("a {{- .Prompt -}} b", "apb"), ("{{ if .System }}x{{ else }}y{{ end }}", "y"),
     ("{{/* note */}}z", "z"), ("", ""), ("{{.Prompt}}{{ .Response }}{{ .Prompt }}", "p")],
)  # fmt: skip
def test_actions(source: str, text: str) -> None:
    assert Template(source).render({"Prompt": "p"}, until_response=True) == text


@pytest.mark.parametrize(
    "source",
    ["{{ range .Messages }}{{ end }}", "{{ .Prompt.replace }}", "{{ if .A }}", "{{ end }}",
     "{{ json .Tools }}", "{{ $x }}", "{{ if and .A .B }}{{ end }}"],
)  # fmt: skip
def test_more_than_the_subset_is_refused(source: str) -> None:
    with pytest.raises(UnsupportedTemplate):
        Template(source)
