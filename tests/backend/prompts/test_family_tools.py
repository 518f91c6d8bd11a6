"""Golden prompts with tools, calls and their results, thinking, and a gap to fill."""

from typing import Any

import pytest

from backend.prompts.conversation import Conversation
from backend.prompts.go_template import go_template
from tests.backend.prompts import templates

ONE = [{"role": "user", "content": "Hi"}]


def prompt(template: str, messages: list[dict[str, Any]], **more: Any) -> str:
    return go_template(template).render(Conversation(messages, **more))


WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Rain & sun",
        "parameters": {
            "type": "object",
            "required": ["city"],
            "properties": {
                "city": {"type": "string", "description": "where <exactly>", "minLength": 1},
                "at": {"type": ["string", "null"], "enum": ["now", "noon"]},
            },
        },
    },
}
FUNCTION = (
    r'{"name":"weather","description":"Rain \u0026 sun","parameters":{"type":"object",'
    r'"required":["city"],"properties":{"at":{"type":["string","null"],"enum":["now","noon"]},'
    r'"city":{"type":"string","description":"where \u003cexactly\u003e"}}}}'
)
TOOL = f'{{"type":"function","function":{FUNCTION}}}'
CALLED: list[dict[str, Any]] = [
    *ONE,
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"function": {"name": "weather", "arguments": {"city": "Köln", "at": None, "n": 2}}}
        ],
    },
    {"role": "tool", "content": "wet", "tool_name": "weather"},
]
ARGUMENTS = '{"at":null,"city":"Köln","n":2}'


@pytest.mark.parametrize(
    ("family", "asked", "answered"),
    [
        (
            "LLAMA3",
            (
                "<|start_header_id|>system<|end_header_id|>\n\nYou may call functions.<|eot_id|>"
                "<|start_header_id|>user<|end_header_id|>\n\n"
                'Answer with JSON: {"name": name, "parameters": object}.\n'
                f"{TOOL}\n\nQuestion: Hi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
            ),
            (
                "<|start_header_id|>system<|end_header_id|>\n\nYou may call functions.<|eot_id|>"
                "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\n"
                f'{{"name": "weather", "parameters": {ARGUMENTS}}}<|eot_id|>'
                "<|start_header_id|>ipython<|end_header_id|>\n\nwet<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\n"
            ),
        ),
        (
            "MISTRAL",
            f"[AVAILABLE_TOOLS] [{TOOL}][/AVAILABLE_TOOLS][INST] Hi[/INST]",
            (
                "[INST] Hi[/INST]"
                f'[TOOL_CALLS] [{{"name": "weather", "arguments": {ARGUMENTS}}}]</s>'
                '[TOOL_RESULTS] {"content": "wet"}[/TOOL_RESULTS]'
            ),
        ),
        (
            "QWEN25",
            (
                "<|im_start|>system\n\n# Tools\n<tools>\n"
                f'{{"type": "function", "function": {FUNCTION}}}\n</tools><|im_end|>\n'
                "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
            ),
            (
                "<|im_start|>system\n\n# Tools\n<tools>\n"
                f'{{"type": "function", "function": {FUNCTION}}}\n</tools><|im_end|>\n'
                "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<tool_call>\n"
                f'{{"name": "weather", "arguments": {ARGUMENTS}}}\n</tool_call><|im_end|>\n'
                "<|im_start|>user\n<tool_response>\nwet\n</tool_response><|im_end|>\n"
                "<|im_start|>assistant\n"
            ),
        ),
    ],
)
def test_tools(family: str, asked: str, answered: str) -> None:
    template = getattr(templates, family)
    assert prompt(template, ONE, tools=[WEATHER]) == asked
    assert prompt(template, CALLED, tools=[WEATHER]) == answered


THOUGHT = [
    *ONE,
    {"role": "assistant", "content": "Hello", "thinking": "greet"},
    {"role": "user", "content": "Why?"},
]


@pytest.mark.parametrize(
    ("think", "text"),
    [
        (
            True,
            "<think>\ngreet\n</think>Hello<｜end▁of▁sentence｜><｜User｜>Why?<｜Assistant｜><think>",
        ),
        (
            False,
            "Hello<｜end▁of▁sentence｜><｜User｜>Why?<｜Assistant｜><think>\n\n</think>\n\n",
        ),
        (None, "Hello<｜end▁of▁sentence｜><｜User｜>Why?<｜Assistant｜>"),
    ],
)
def test_thinking(think: bool | None, text: str) -> None:
    begun = "<｜User｜>Hi<｜Assistant｜>"
    assert prompt(templates.DEEPSEEK_R1, THOUGHT, think=think) == begun + text


def test_filling_in_the_middle() -> None:
    gap: dict[str, Any] = {"prompt": "def f(", "suffix": "return 1"}
    assert prompt(templates.CODELLAMA, ONE, **gap) == "<PRE> def f( <SUF>return 1 <MID>"
    expected = "<|fim_prefix|>def f(<|fim_suffix|>return 1<|fim_middle|>"
    assert prompt(templates.QWEN25, [], **gap) == expected


@pytest.mark.parametrize(
    ("family", "tag", "thinking"),
    [
        ("CHATML", "{", None),
        ("LLAMA3", "{", None),
        ("MISTRAL", "[TOOL_CALLS] [", None),
        ("QWEN25", "<tool_call>", None),
        ("DEEPSEEK_R1", "{", ("<think>", "</think>")),
    ],
)
def test_tags(family: str, tag: str, thinking: tuple[str, str] | None) -> None:
    template = go_template(getattr(templates, family))
    assert (template.tool_call_tag, template.thinking_tags) == (tag, thinking)
