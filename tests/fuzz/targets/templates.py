"""Any Go template renders within its bounds, or is a TemplateError."""

import time

from hypothesis import strategies as st

from backend.errors import TemplateError
from backend.prompts.conversation import Conversation
from backend.prompts.go_limits import MAX_CPU_SECONDS, MAX_TEXT
from backend.prompts.go_template import GoTemplate
from tests.fuzz.mutations import JSON, pieced

_PIECES = (
    "{{ ", " }}", "{{- ", " -}}", "{{ end }}", "{{ else }}", "{{ if ", "{{ range ", "{{ with ",
    ".System", ".Prompt", ".Response", ".Messages", ".Role", ".Content", ".Tools", ".Think",
    ".ToolCalls", ".Function", ".Arguments", "$", "$x := ", ", $y := ", ".", "| ", "json ",
    "eq ", "index ", "slice ", "len ", "printf ", '"%v%d%*s"', "`%s`", "1", "-1", "1e9", "not ",
    "and ", "or ", "(", ")", "nil", "true", "'a'", '{{ define "a" }}', '{{ template "a" . }}',
    "{{ break }}", "{{/* */}}", "__class__", "html ", "js ", "call ", "currentDate ",
    "toTypeScriptType ", "<think>", "{{ range $i, $m := .Messages }}", "{{ if .Thinking }}",
    "99999999",
)  # fmt: skip
_call = st.fixed_dictionaries({"function": JSON})
_messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "system", "assistant", "tool", ""])},
        optional={"content": st.text(max_size=9), "thinking": JSON,
                  "tool_calls": JSON | st.lists(_call, max_size=2)},
    ),
    max_size=4,
)  # fmt: skip
_function = st.fixed_dictionaries({"parameters": JSON}) | JSON
_tools = st.lists(st.fixed_dictionaries({"function": _function}), max_size=2)
CASES = st.tuples(
    pieced(_PIECES, 25),
    st.builds(
        Conversation, _messages, _tools, st.sampled_from([None, True, "low"]), st.text(max_size=5),
        st.sampled_from(["", "s"])),
)  # fmt: skip


def check(case: tuple[str, Conversation]) -> None:
    """Parse and render."""
    source, conversation = case
    began = time.thread_time()
    try:
        template = GoTemplate(source)
        assert len(template.render(conversation)) <= MAX_TEXT
    except TemplateError:
        pass
    assert time.thread_time() - began < MAX_CPU_SECONDS + 2
