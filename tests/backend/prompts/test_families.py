"""Golden prompts: each family's template over conversations, the text worked out by Go's rules."""

from typing import Any

import pytest

from backend.prompts.conversation import Conversation
from backend.prompts.go_template import go_template
from tests.backend.prompts import templates

ONE = [{"role": "user", "content": "Hi"}]
WITH_SYSTEM = [{"role": "system", "content": "Be kind."}, *ONE]
TURNS = [
    *WITH_SYSTEM,
    {"role": "assistant", "content": "Hello"},
    {"role": "user", "content": "Why?"},
]
BEGUN = [*ONE, {"role": "assistant", "content": "Well"}]


def prompt(template: str, messages: list[dict[str, Any]], **more: Any) -> str:
    return go_template(template).render(Conversation(messages, **more))


@pytest.mark.parametrize(
    ("family", "one", "turns", "begun"),
    [
        (
            "CHATML",
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
            (
                "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
                "<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n"
                "<|im_start|>assistant\n"
            ),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nWell",
        ),
        (
            "LLAMA2",
            "[INST] <<SYS>><</SYS>>\n\nHi [/INST] ",
            (
                "[INST] <<SYS>>Be kind.<</SYS>>\n\nHi [/INST] Hello</s><s>"
                "[INST] <<SYS>><</SYS>>\n\nWhy? [/INST] "
            ),
            "[INST] <<SYS>><</SYS>>\n\nHi [/INST] Well",
        ),
        (
            "GEMMA",
            "<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n",
            (
                "<start_of_turn>user\nBe kind. Hi<end_of_turn>\n<start_of_turn>model\n"
                "Hello<end_of_turn>\n<start_of_turn>user\nWhy?<end_of_turn>\n<start_of_turn>model\n"
            ),
            "<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nWell",
        ),
        (
            "PHI3",
            "<|user|>\nHi<|end|>\n<|assistant|>\n",
            (
                "<|system|>\nBe kind.<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\nHello<|end|>\n"
                "<|user|>\nWhy?<|end|>\n<|assistant|>\n"
            ),
            "<|user|>\nHi<|end|>\n<|assistant|>\nWell",
        ),
        (
            "ZEPHYR",
            "<|user|>\nHi</s>\n<|assistant|>\n",
            (
                "<|system|>\nBe kind.</s>\n<|user|>\nHi</s>\n<|assistant|>\nHello</s>\n"
                "<|user|>\nWhy?</s>\n<|assistant|>\n"
            ),
            "<|user|>\nHi</s>\n<|assistant|>\nWell",
        ),
        (
            "VICUNA",
            "USER: Hi\nASSISTANT: ",
            "Be kind.\n\nUSER: Hi\nASSISTANT: Hello\nUSER: Why?\nASSISTANT: ",
            "USER: Hi\nASSISTANT: Well",
        ),
        (
            "ALPACA",
            "### Instruction:\nHi\n\n### Response:\n",
            (
                "Be kind.\n\n### Instruction:\nHi\n\n### Response:\nHello\n\n"
                "### Instruction:\nWhy?\n\n### Response:\n"
            ),
            "### Instruction:\nHi\n\n### Response:\nWell",
        ),
        (
            "COMMAND_R",
            (
                "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>Hi<|END_OF_TURN_TOKEN|>"
                "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>"
            ),
            (
                "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>Be kind.<|END_OF_TURN_TOKEN|>"
                "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>Hi<|END_OF_TURN_TOKEN|>"
                "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>Hello<|END_OF_TURN_TOKEN|>"
                "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>Why?<|END_OF_TURN_TOKEN|>"
                "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>"
            ),
            (
                "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>Hi<|END_OF_TURN_TOKEN|>"
                "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>Well"
            ),
        ),
        (
            "GRANITE",
            "Question:\nHi\n\nAnswer:\n",
            "System:\nBe kind.\n\nQuestion:\nHi\n\nAnswer:\nHello\n\nQuestion:\nWhy?\n\nAnswer:\n",
            "Question:\nHi\n\nAnswer:\nWell",
        ),
        (
            "FALCON",
            "User:\nHi\nFalcon:\n",
            "System: Be kind.\nUser:\nHi\nFalcon:\nHello\nUser:\nWhy?\nFalcon:\n",
            "User:\nHi\nFalcon:\nWell",
        ),
        (
            "OPENCHAT",
            "<|end_of_turn|>GPT4 Correct User: Hi<|end_of_turn|>GPT4 Correct Assistant: ",
            (
                "Be kind.<|end_of_turn|>GPT4 Correct User: Hi<|end_of_turn|>"
                "GPT4 Correct Assistant: Hello<|end_of_turn|><|end_of_turn|>"
                "GPT4 Correct User: Why?<|end_of_turn|>GPT4 Correct Assistant: "
            ),
            "<|end_of_turn|>GPT4 Correct User: Hi<|end_of_turn|>GPT4 Correct Assistant: Well",
        ),
        (
            "SOLAR",
            "### User:\nHi\n\n### Assistant:\n",
            (
                "### System:\nBe kind.\n\n### User:\nHi\n\n### Assistant:\nHello</s>\n\n"
                "### User:\nWhy?\n\n### Assistant:\n"
            ),
            "### User:\nHi\n\n### Assistant:\nWell",
        ),
        (
            "CODELLAMA",
            "[INST] Hi [/INST]",
            "[INST] Hi [/INST] Hello</s>[INST] Why? [/INST]",
            "[INST] Hi [/INST] Well</s>",
        ),
        (
            "LLAMA3",
            (
                "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\n"
            ),
            (
                "<|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|>"
                "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\nHello<|eot_id|>"
                "<|start_header_id|>user<|end_header_id|>\n\nWhy?<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\n"
            ),
            (
                "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\nWell"
            ),
        ),
        (
            "MISTRAL",
            "[INST] Hi[/INST]",
            "[INST] Hi[/INST] Hello</s>[INST] Be kind.\n\nWhy?[/INST]",
            "[INST] Hi[/INST] Well</s>",
        ),
        (
            "QWEN25",
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
            (
                "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
                "<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n"
                "<|im_start|>assistant\n"
            ),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nWell",
        ),
        (
            "DEEPSEEK_R1",
            "<｜User｜>Hi<｜Assistant｜>",
            (
                "Be kind.<｜User｜>Hi<｜Assistant｜>Hello<｜end▁of▁sentence｜>"
                "<｜User｜>Why?<｜Assistant｜>"
            ),
            "<｜User｜>Hi<｜Assistant｜>Well",
        ),
    ],
)
def test_conversations(family: str, one: str, turns: str, begun: str) -> None:
    template = getattr(templates, family)
    assert prompt(template, ONE) == one
    assert prompt(template, TURNS) == turns
    assert prompt(template, BEGUN) == begun
