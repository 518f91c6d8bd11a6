"""Chat templates of GGUF files, as their authors expect them to be run."""

from typing import Any

import pytest

from backend.engine.jinja_template import ChatTemplate, NoTemplate

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] "
    "+ '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
HELLO = {"role": "user", "content": "Hello"}


def rendered(source: str, *messages: dict[str, Any], adds_bos: bool = False, **more: Any) -> str:
    template = ChatTemplate(source, "<s>", "</s>", adds_bos=adds_bos)
    return template.render({"messages": messages or [HELLO], **more})


def test_chatml() -> None:
    assert rendered(CHATML) == "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"


def test_a_begun_reply_is_continued() -> None:
    begun = rendered(CHATML, HELLO, {"role": "assistant", "content": "Well"})
    assert begun.endswith("<|im_start|>assistant\nWell")


def test_blocks_are_trimmed() -> None:
    assert rendered("{% if true %}\n    {% set x = 1 %}\nx\n{% endif %}\n") == "x\n"


@pytest.mark.parametrize(("adds", "expected"), [(True, "Hello</s>"), (False, "<s>Hello</s>")])
def test_a_bos_that_tokenising_adds_is_left_out(adds: bool, expected: str) -> None:
    source = "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}"
    assert rendered(source, adds_bos=adds) == expected


def test_tools_and_the_switches_of_a_request() -> None:
    source = (
        "{{ tools | tojson }}{% for t in tools %}{% if loop.index > 1 %}{% break %}{% endif %}"
        "{{ t.name }}{% endfor %}{{ enable_thinking }}"
    )
    tools = [{"name": "ä"}, {"name": "b"}]
    told = rendered(source, tools=tools, chat_template_kwargs={"enable_thinking": False})
    assert told == '[{"name": "ä"}, {"name": "b"}]äFalse'


def test_no_tools_are_none_to_the_template() -> None:
    assert rendered("{{ tools is none }}", tools=[]) == "True"


@pytest.mark.parametrize("arguments", ['{"city": "Ulm"}', {"city": "Ulm"}])
def test_arguments_of_a_call_are_an_object(arguments: Any) -> None:
    call = {"id": "1", "function": {"name": "weather", "arguments": arguments}}
    source = "{{ messages[1].tool_calls[0].function.arguments.city }}"
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    assert rendered(source, HELLO, message, HELLO) == "Ulm"


def test_arguments_that_are_no_json_stay_text() -> None:
    call = {"function": {"name": "weather", "arguments": "Ulm"}}
    message = {"role": "assistant", "tool_calls": [call]}
    source = "{{ messages[0].tool_calls[0].function.arguments }}"
    assert rendered(source, message, HELLO) == "Ulm"


@pytest.mark.parametrize(
    "source",
    [
        "{{ raise_exception('roles must alternate') }}",
        "{{ messages[7].content + 1 }}",
        "{{ messages[0].content / 0 }}",
        "{{ messages.append(1) }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ 1 % 0 }}",
    ],
)
def test_what_goes_wrong_in_a_template_is_a_value_error(source: str) -> None:
    with pytest.raises(ValueError, match="chat template failed"):
        rendered(source)


def test_bad_jinja_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="not valid Jinja"):
        ChatTemplate("{% if %}", "", "", adds_bos=False)


def test_a_date_can_be_asked_for() -> None:
    assert rendered("{{ strftime_now('%Y') }}").startswith("2")


def test_without_a_template_there_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="no chat template"):
        NoTemplate().render({"messages": [HELLO]})
