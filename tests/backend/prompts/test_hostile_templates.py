"""Templates from anywhere: each renders within its limits or raises TemplateError, in seconds."""

import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.errors import TemplateError
from backend.prompts import go_limits
from backend.prompts.conversation import Conversation
from backend.prompts.go_limits import MAX_TEXT
from backend.prompts.go_template import GoTemplate

TOOL = {
    "type": "function",
    "function": {"name": "f", "parameters": {"properties": {"p": {"type": ["string", "null"]}}}},
}
CALL = {"function": {"name": "f", "arguments": {"a": [1, None, {"b": "é"}], "s": "x"}}}
CONVERSATION = Conversation(
    [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi \ud83d <&>", "images": ["aaaa"]},
        {"role": "assistant", "content": "", "thinking": "t", "tool_calls": [CALL]},
        {"role": "tool", "content": "r", "tool_name": "f"},
    ],
    tools=[TOOL],
    think="high",
)
GAP = Conversation([], prompt="before", suffix="after")
MAX_SECONDS = 10.0  # a template of the greatest length: 1 s, 4 s on a machine with much to do


@pytest.fixture(scope="module", autouse=True)
def a_shorter_clock() -> Iterator[None]:
    """The same limit, a quarter of its length: these tests run into it on purpose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(go_limits, "MAX_CPU_SECONDS", 0.5)
        yield


def survives(source: str, *conversations: Conversation) -> None:
    """Whatever becomes of the template, it ends in time, in a bounded text or a TemplateError."""
    started = time.thread_time()
    with suppress(TemplateError):
        template = GoTemplate(source)
        for conversation in conversations:
            with suppress(TemplateError):
                assert len(template.render(conversation)) <= MAX_TEXT
    assert time.thread_time() - started < MAX_SECONDS


TERMS = st.sampled_from(
    [".", "$", "$x", ".Messages", ".Tools", ".System", ".Prompt", ".Response", "$.Messages",
     "$.Tools", ".Role", ".Content", ".ToolCalls", ".Function.Arguments", ".Function", ".Thinking",
     ".Function.Parameters.Properties", ".Content.upper", ".__class__", ".clear", ".Images",
     ".Type", "nil", "true", "0", "-1", "3", "9e99", "1_000", "0x1p-2", "1i", "1+2i", "'a'", '"s"',
     "`raw`", "`{{`", "currentDate", "18446744073709551615", ".Function.Arguments.a"]
)  # fmt: skip
FORMATS = st.sampled_from(
    ["%s", "%99999999d", "%*d", "%.9999f", "%[1]s%[1]s", "%[9]*[2]d", "%²d", "%٣d", "%c", "%U",
     "%x", "%!", "%v%v%v", "%", "%%", "%[", "%[]d", "%[99999999999]d", "%+q", "%#v", "%T", "%p",
     "% x", "%08.3f", "%-9999s", "%t", "%b", "%O", "%w", "%é", "%1$s", "%.", "%.*", "%6.2%"]
)  # fmt: skip
ONE = ["not", "len", "print", "println", "html", "js", "urlquery", "json", "toTypeScriptType"]
TWO = ["eq", "ne", "lt", "le", "gt", "ge", "and", "or", "index", "slice"]
ODD = ["eq", "and", "not", "printf", "index", "slice", "print", "call", "_show", "unknown", "html"]


def _call(name: str, args: list[str]) -> str:
    return " ".join((name, *args))


def _calls(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds(_call, st.sampled_from(ONE), st.lists(inner, min_size=1, max_size=1)),
        st.builds(_call, st.sampled_from(TWO), st.lists(inner, min_size=2, max_size=2)),
        st.builds(
            lambda form, args: _call("printf", [f'"{form}"', *args]),
            FORMATS, st.lists(inner, max_size=3),
        ),
        st.builds(_call, st.sampled_from(ODD), st.lists(inner, max_size=4)),
    )  # fmt: skip


OPERANDS = st.recursive(
    TERMS,
    lambda inner: st.builds(
        lambda call, field: f"({call}){field}",
        _calls(inner),
        st.sampled_from(["", "", "", ".Role"]),
    ),
    max_leaves=4,
)
FIRST = st.one_of(OPERANDS, _calls(OPERANDS))
STAGES = st.lists(st.sampled_from(["len", "json", "not", 'printf "%v"', "eq 1", "html", "print"]))
PIPES = st.builds(lambda first, stages: " | ".join([first, *stages[:2]]), FIRST, STAGES)
ACTIONS = st.builds(
    lambda left, bind, pipe, right: f"{left}{bind}{pipe}{right}",
    st.sampled_from(["{{", "{{- "]),
    st.sampled_from(["", "", "", "$x := ", "$x = "]),
    PIPES,
    st.sampled_from(["}}", " -}}"]),
)
TEXT = st.sampled_from(["", " ", "\n", "text", "{", "}", "<think>", "é", "\ue000", "\ud83d"])
HEADS = st.one_of(
    st.builds(
        lambda word, pipe: f"{word} {pipe}",
        st.sampled_from(["if", "with", "range", "if $x :="]), PIPES,
    ),
    st.sampled_from(
        ["range .Messages", "range $.Tools", "range .ToolCalls", "range $i, $x := .Messages",
         "range 3", "range $k, $v := .Function.Arguments", "with .Function.Parameters",
         'block "b" .', "with $.Tools"]
    ),
)  # fmt: skip
ELSES = st.sampled_from(
    ["", "", "{{ else }}n", "{{ else if .System }}m", "{{ else with . }}w", "{{ break }}",
     '{{ template "d" . }}', '{{ template "b" $ }}', "{{/* c */}}", "{{ end }}{{ if 1 }}"]
)  # fmt: skip
BODIES = st.recursive(
    st.one_of(TEXT, ACTIONS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.builds(
            lambda head, body, other: f"{{{{ {head} }}}}{body}{other}{{{{ end }}}}",
            HEADS, inner, ELSES,
        ),
    ),
    max_leaves=6,
)  # fmt: skip
TEMPLATES = st.builds(
    lambda body: '{{ $x := .Messages }}{{ define "d" }}{{ . }}{{ end }}' + body, BODIES
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEMPLATES)
def test_anything_that_looks_like_a_template(source: str) -> None:
    survives(source, CONVERSATION, GAP)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="{}{}-|.$`\"'()%:=,/*\\ \nabiePM0é\ud800", max_size=60))
def test_anything_at_all(source: str) -> None:
    survives("{{" + source + "}}", CONVERSATION)
    survives(source, GAP)


@pytest.mark.parametrize(
    "source",
    [
        "{{ range 2000000000 }}{{ end }}",
        "{{ range 99999 }}{{ range 99999 }}{{ end }}{{ end }}",
        "{{ range 99999 }}" + "{{ $x := 1 }}" * 5_000 + "{{ end }}",
        "{{ range 99999 }}" + "text" * 20_000 + "{{ end }}",
        "{{ range 9999 }}{{ range 99999 }}x{{ break }}{{ end }}{{ end }}" * 20,
        "{{ printf `%99999999d` 1 }}",
        "{{ printf `%*d` 99999999 1 }}",
        "{{ printf `%.*f` 99999999 1.0 }}",
        "{{ printf `%[3]*.[2]*[1]f` 12.0 99999999 99999999 }}",
        "{{ printf `" + "%9999d" * 10_000 + "` 1 }}",
        "{{ $x := `aaaaaaaaaaaaaaaa` }}" + "{{ $x = print $x $x }}" * 60,
        "{{ $x := `&&&&&&&&&&&&&&&&` }}" + "{{ $x = html $x }}" * 60 + "{{ $x }}",
        "{{ $x := `%s%s` }}" + "{{ $x = printf $x $x $x }}" * 40,
        "{{ $x := `a` }}" + "{{ $x = printf `%s%[1]s%[1]s%[1]s` $x }}" * 40,
        "{{ $x := `a` }}" + "{{ $x = json $x }}" * 60,
        "{{ $x := `a` }}" + "{{ $x = urlquery (print $x `é` $x) }}" * 60,
        '{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}',
        (
            '{{ define "a" }}{{ template "b" . }}{{ template "b" . }}{{ end }}'
            '{{ define "b" }}{{ template "a" . }}{{ template "a" . }}{{ end }}{{ template "a" . }}'
        ),
        "".join(
            f'{{{{ define "a{n}" }}}}' + f'{{{{ template "a{n + 1}" . }}}}' * 4 + "{{ end }}"
            for n in range(40)
        )
        + '{{ define "a40" }}x{{ end }}{{ template "a0" . }}',
        "{{ if true }}" * 2_000 + "{{ end }}" * 2_000,
        "{{ if true }}" + "{{ else if true }}" * 4_000 + "{{ end }}",
        "{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}",
        "{{ " + "not " * 20_000 + "1 }}",
        "{{ .A" + ".A" * 40_000 + " }}",
        "{{ 1" + "0" * 90_000 + " }}",
        "{{ `" + "x" * 90_000 + "` }}" * 1,
        "{{" * 40_000,
        "x" * 200_000,
        "{{ . }}" * 14_000,
        "{{/*" + "*" * 90_000 + "*/}}",
        '{{ "' + "\\x41" * 20_000 + '" }}',
        "{{ range .Messages }}" * 90 + "{{ . }}" + "{{ end }}" * 90,
        "".join(map(chr, range(0xE000, 0xF900))) + "{{ .Prompt }}",
        "{{ print" + " .Prompt" * 12_000 + " }}",
        "{{ 0x1p9999999999 }}{{ 1e999 }}{{ 9e-999999999 }}",
    ],
    ids=range(35),
)
def test_bombs(source: str) -> None:
    survives(source, CONVERSATION)


def test_chains_of_any_depth() -> None:
    for depth in range(20, 700, 40):
        chain = "{{ else if .System }}{{ .Response }}" * depth
        survives(
            "{{ if .System }}{{ range .Messages }}{{ .Thinking }}{{ end }}" + chain + "{{ end }}"
        )


def test_a_long_text_times_a_long_template_has_an_end() -> None:
    source = "{{ $c := .Prompt }}" + "{{ $b := eq (print $c) (print $c) }}" * 2_500
    survives(source, Conversation([{"role": "user", "content": "x" * 2_000_000}]))


def test_values_of_python_stay_out_of_reach() -> None:
    for field in ("__class__", "__init__", "_fields", "as_json", "get", "keys", "copy", "format"):
        for value in (
            ".",
            ".Content",
            ".ToolCalls",
            "$",
            "$.Tools",
            "(index $.Tools 0)",
            "$.Think",
        ):
            source = f"{{{{ range .Messages }}}}{{{{ ({value}).{field} }}}}{{{{ end }}}}"
            with suppress(TemplateError):
                shown = GoTemplate(source).render(CONVERSATION)
                assert set(shown) <= set("<no value>")
