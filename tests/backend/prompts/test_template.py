"""The rules of Go templates where Ollama's use of them is special."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from backend.errors import TemplateError
from backend.prompts.conversation import Conversation
from backend.prompts.go_template import GoTemplate, go_template

USER = [{"role": "user", "content": "Hi"}]
CALL = {"function": {"name": "f", "arguments": {"b": 1000000, "a": "<&>", "c": 1.5, "d": {}}}}
WRITTEN = r'{"a":"\u003c\u0026\u003e","b":1000000,"c":1.5,"d":{}}'
CALLING = [{"role": "assistant", "tool_calls": [CALL, {"id": "call_1", "function": None}]}]
TOOL = {
    "type": "function",
    "function": {
        "name": "f",
        "parameters": {
            "type": "object",
            "properties": {
                "one": {"type": "string"},
                "few": {"type": ["string", "null"]},
                "any": {},
                "either": {"anyOf": [{"type": "integer"}, {"type": "array"}]},
                "deep": {"type": "object", "properties": {"z": {"type": "boolean"}}},
            },
        },
    },
}


def said(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in pairs]


def prompt(source: str, messages: list[dict[str, Any]] = USER, **more: Any) -> str:
    return GoTemplate(source).render(Conversation(messages, **more))


def each(source: str, messages: list[dict[str, Any]] = CALLING) -> str:
    inner = f"{{{{ range .Messages }}}}{{{{ range .ToolCalls }}}}{source}{{{{ end }}}}{{{{ end }}}}"
    return prompt(inner, messages[:1])


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ .Function.Arguments }},", WRITTEN + ",{},"),
        ("{{ json .Function.Arguments }}", WRITTEN + "{}"),
        ("{{ range $k, $v := .Function.Arguments }}{{ $k }}={{ $v }};{{ end }}",
         "a=<&>;b=1e+06;c=1.5;d=map[];"),
        ("{{ len .Function.Arguments }}", "40"),
        ('{{ index .Function.Arguments "b" }};', "1e+06;<no value>;"),
        ("{{ if .Function.Arguments }}y{{ else }}n{{ end }}", "yn"),
        ("{{ print .Function.Arguments }}", WRITTEN + "{}"),
        ('{{ printf "%s|%v" .Function.Name .Function.Arguments }};',
         f"f|{WRITTEN};|{{}};"),
        ("{{ .ID }}.{{ .Function.Index }}.{{ .Function.Name }};", ".0.f;call_1.0.;"),
        ("{{ html .Function.Arguments.a }};", "&lt;&amp;&gt;;&lt;no value&gt;;"),
    ],
)  # fmt: skip
def test_arguments_of_a_call(source: str, text: str) -> None:
    assert each(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ .Type }},", "string,[string null],,,object,"),
        ("{{ toTypeScriptType . }},",
         "string,string | null,any,number | any[],Record<string, any>,"),
        ("{{ json . }},",
         ('{"type":"string"},{"type":["string","null"]},{},'
         '{"anyOf":[{"type":"integer"},{"type":"array"}]},'
         '{"type":"object","properties":{"z":{"type":"boolean"}}},')),
        ('{{ if eq .Type "string" }}y{{ end }},', None),
        ("{{ .Description }}{{ len .Enum }}", "00000"),
        ("{{ .Nothing }}", None),
    ],
)  # fmt: skip
def test_properties_of_a_tool(source: str, text: str | None) -> None:
    start = "{{ $m := .Messages }}{{ $p := (index $.Tools 0).Function.Parameters.Properties }}"
    names = ["one", "few", "any", "either", "deep"]
    parts = [f'{{{{ with index $p "{name}" }}}}{source}{{{{ end }}}}' for name in names]
    if text is None:
        with pytest.raises(TemplateError):
            prompt(start + "".join(parts), tools=[TOOL])
    else:
        assert prompt(start + "".join(parts), tools=[TOOL]) == text


def test_maps_are_gone_through_by_sorted_key() -> None:
    source = (
        "{{ range .Messages }}{{ end }}{{ range .Tools }}{{ range $k, $_ := "
        ".Function.Parameters.Properties }}{{ $k }} {{ end }}{{ end }}"
    )
    assert prompt(source, tools=[TOOL]) == "any deep either few one "


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a {{- .Prompt -}} b", "aHib"),
        ("{{ if .System }}x{{ else }}y{{ end }}{{ .Prompt }}", "yHi"),
        ("{{/* a note */}}z", "z"),
        ("", ""),
        ("{{ .Prompt }}{{ .Response }}{{ .Prompt }}", "Hi"),
        ("{{ .First }}", "<no value>"),
        ("{{ if .First }}x{{ end }}", ""),
        ('{{ if eq .First "x" }}x{{ else }}y{{ end }}', "y"),
        ('{{ if ne .First "x" }}x{{ end }}{{ eq .First nil }}', "xtrue"),
        ("{{ print nil .First 1 2 `a` 3 }}", "<nil> <nil> 1 2a3"),
        ("{{ println .Prompt 1 }}", "Hi 1\n"),
        ('{{ printf "%5s|%-4d|%q|%v" .Prompt 3 `"` true }}', '   Hi|3   |"\\""|true'),
        ("{{ len `é` }}{{ slice `é!` 2 }}", "2!"),
        ("{{ block `b` .Prompt }}<{{ . }}>{{ end }}", "<Hi>"),
        ("{{ define `d` }}({{ . }}){{ end }}{{ template `d` .Prompt }}", "(Hi)"),
        ("{{ with .Prompt }}{{ . }}{{ $.Prompt }}{{ else }}n{{ end }}", "HiHi"),
        ("{{ range $i, $_ := slice `abc` 0 | len }}{{ end }}", None),
        ("{{ range 3 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ . }}{{ end }}", "02"),
        ("{{ range 3 }}{{ if eq . 1 }}{{ break }}{{ end }}{{ . }}{{ end }}", "0"),
        ("{{ if and .Prompt (not .System) (or .First .Prompt) }}x{{ end }}", "x"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ .Prompt | printf `%s%s` `a` | len }}", "3"),
        ("{{ 'a' }}{{ 1.5 }}{{ 0x10 }}{{ true }}", "971.516true"),
        ("{{ lt 1 2 }}{{ ge `b` `a` }}", "truetrue"),
        ("{{ json .First }}{{ json `<` }}{{ json true }}", 'null"\\u003c"true'),
        ("{{ `{{` }}", "{{"),
        ("\ue000{{ .Prompt }}\ue001", "\ue000Hi\ue001"),
        ("{{ toTypeScriptType .Prompt }}", "any"),
    ],
)
def test_the_language(source: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(TemplateError):
            prompt(source)
    else:
        assert prompt(source) == text


@pytest.mark.parametrize(
    "source",
    ["{{ .Prompt.replace }}", "{{ if .A }}", "{{ end }}", "{{ else }}", "{{ .Messages.0 }}",
     "{{ }}", "{{ nil }}", "{{ .Prompt", "{{ nothing }}", "{{ $x }}", "{{ 99999999999999999999 }}",
     "{{ template `x` }}", "{{ template `x` . }}", "{{ _show .Prompt }}", "{{ _tick }}",
     "{{ call 1 }}",
     "{{ .First.Second }}", "{{ eq 1 `1` }}", "{{ eq 1 1.0 }}", "{{ eq }}", "{{ index `a` 9 }}",
     "{{ .Prompt.upper }}", "{{ .Prompt.__class__ }}", "{{ printf 3 }}",
     "{{ range .Prompt }}{{ end }}",
     "{{ .Prompt `x` }}", "{{ break }}", "{{ define `a` }}", "{{ lt 1 `a` }}", "{{ len 3 }}"],
)  # fmt: skip
def test_what_fails_is_a_template_error(source: str) -> None:
    with pytest.raises(TemplateError, match=r"^template error: "):
        prompt(source)


def test_a_message_has_its_fields_and_no_others() -> None:
    message = {"role": "tool", "content": "c", "thinking": "t", "tool_name": "n",
               "tool_call_id": "i", "images": ["x"]}  # fmt: skip
    source = "{{ range .Messages }}{{ .Role }}{{ .Content }}{{ .Thinking }}{{ .ToolName }}"
    shown = prompt(source + "{{ .ToolCallID }}{{ len .Images }}{{ end }}", [message])
    assert shown == "toolctni1"
    for field in (".Name", ".role", ".Content.Length", ".__class__", ".get"):
        with pytest.raises(TemplateError):
            prompt("{{ range .Messages }}{{ " + field + " }}{{ end }}", [message])


def test_dates_have_one_form() -> None:
    shown = prompt("{{ currentDate }} {{ currentDate `2006` }} {{ yesterdayDate }}")
    today = datetime.now().astimezone()
    day, before = f"{today:%Y-%m-%d}", f"{today - timedelta(days=1):%Y-%m-%d}"
    assert shown == f"{day} {day} {before}"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("{{ .Prompt }}", {"prompt"}),
        ("{{ range $i, $m := .Messages }}{{ $m.Content }}{{ end }}",
         {"messages", "$m", "content"}),
        ("{{ if and .A (or (.B) $.C) }}{{ else if .D.E }}{{ end }}{{ (.F).G }}",
         {"a", "b", "$", "c", "d", "e", "f", "g"}),
        ("{{ define `x` }}{{ .Tools }}{{ end }}{{ template `x` .Y }}", {"tools", "y"}),
        ("{{ block `x` .A }}{{ .B }}{{ end }}", {"a", "b"}),
    ],
)  # fmt: skip
def test_variables(source: str, names: set[str]) -> None:
    assert GoTemplate(source).variables == names


def test_thinking_is_told_to_the_template() -> None:
    source = "{{ .Think }} {{ .ThinkLevel }} {{ .IsThinkSet }}"
    shown = [prompt(source, think=think) for think in (None, False, True, "high")]
    assert shown == ["false  false", "false  true", "true medium true", "true high true"]


def test_a_template_without_a_place_for_the_reply_gets_one_at_its_end() -> None:
    turns = said(("user", "a"), ("assistant", "b"), ("user", "c"))
    assert prompt("<{{ .Prompt }}>", turns) == "<a>b<c>"
    assert prompt("<{{ .Prompt }}>{{ if .Response }}{{ end }}", turns) == "<a><c>"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ if .Prompt }}p{{ .Response }}q{{ else }}e{{ end }}z", "pR"),
        ("{{ if .System }}s{{ else }}p{{ .Response }}q{{ end }}z", "pR"),
        ("{{ if .System }}s{{ else if .Prompt }}p{{ .Response }}q{{ else }}e{{ end }}z", "pR"),
        ("{{ with .Response }}[{{ . }}]{{ end }}z{{ .Response }}y", "[R]zR"),
        ("a{{ printf `%s!` .Response }}b", "aR!"),
        ("a{{ (print .Response) }}b", "aR"),
        ("a{{ if .System }}{{ .Response }}{{ end }}b", "a"),
        ("a{{ .Response }}{{ define `d` }}x{{ end }}", "aR"),
        ("a{{ $.Response }}b", "aRb"),
    ],
)
def test_the_last_turn_ends_at_the_reply(source: str, text: str) -> None:
    assert prompt(source, said(("user", "Hi"), ("assistant", "R"))) == text


def test_turns_start_at_a_system_text_or_after_a_reply() -> None:
    turns = said(("system", "S"), ("user", "a"), ("system", "T"), ("user", "b"), ("tool", "x"),
                 ("assistant", "c"), ("user", "d"))  # fmt: skip
    source = "[{{ .System }}|{{ .Prompt }}|{{ .Response }}]"
    assert prompt(source, turns) == "[S|a|][T|b|c][|d|"


def test_messages_of_one_role_are_one_but_results_of_tools() -> None:
    turns = said(("system", "S"), ("system", "T"), ("user", "a"), ("user", "b"), ("tool", "x"),
                 ("tool", "y"), ("assistant", "c"), ("system", "U"))  # fmt: skip
    source = "{{ .System }}/{{ range .Messages }}{{ .Role }}={{ .Content }};{{ end }}"
    assert prompt(source, turns) == (
        "S\n\nT\n\nU/system=S\n\nT;user=a\n\nb;tool=x;tool=y;assistant=c;system=U;"
    )
    assert turns[0]["content"] == "S"


def test_half_a_surrogate_pair_does_not_reach_the_model() -> None:
    assert prompt("{{ .Prompt }}\ud83d", said(("user", "a\udc00b"))) == "a�b�"
    assert prompt("{{ range .Messages }}{{ .Content }}{{ end }}", said(("user", "\ud83d"))) == "�"


def test_a_parsed_template_is_kept() -> None:
    assert go_template("{{ .Prompt }}") is go_template("{{ .Prompt }}")


@pytest.mark.parametrize(
    ("source", "tag"),
    [
        ("{{ range .Messages }}{{ if .ToolCalls }}<call>{{ end }}{{ end }}", "<call>"),
        ("{{ if .ToolCalls }}\n {{ range .ToolCalls }}\n<a>\n{\"x\": {{ end }}{{ end }}", "<a>"),
        ("{{ if .X }}{{ else if .ToolCalls }}T{{ end }}", "T"),
        ("{{ if .ToolCalls }}{{ .X }}late{{ end }}", "{"),
        ("{{ if .ToolCalls }}{\"name\": {{ end }}", "{"),
        ("{{ range $m := .Messages }}{{ if and $m.ToolCalls true }}[C] [{{ end }}{{ end }}",
         "[C] ["),
        ("{{ .Prompt }}", "{"),
    ],
)  # fmt: skip
def test_the_tag_of_tool_calls(source: str, tag: str) -> None:
    assert GoTemplate(source).tool_call_tag == tag


@pytest.mark.parametrize(
    ("body", "tags"),
    [
        ("{{ if .Thinking }}<t>{{ .Thinking }}</t>{{ end }}", ("<t>", "</t>")),
        ("{{ if .Thinking }} <t> \n{{ .Thinking }}\n </t>{{ end }}", ("<t>", "</t>")),
        ("{{ if .Thinking }}x{{ end }}", None),
        ("{{ if .Content }}<a>{{ end }}{{ .Thinking }}", None),
        ("<t>{{ .Thinking }}", None),
        ("", None),
    ],
)
def test_the_tags_of_thinking(body: str, tags: tuple[str, str] | None) -> None:
    assert GoTemplate(f"{{{{ range .Messages }}}}{body}{{{{ end }}}}").thinking_tags == tags
    assert GoTemplate(f"{{{{ with .Messages }}}}{body}{{{{ end }}}}").thinking_tags is None
