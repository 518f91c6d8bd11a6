"""The chat with lines from a list, against a server with fake runners."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend.commands.asking import RunOptions
from backend.commands.chat.loop import print_examples, talk
from backend.commands.chat.session import Session
from backend.commands.errors import CommandFailed
from backend.commands.pictures import take_pictures
from backend.commands.server import Server
from backend.engine.fake_runner import Script
from backend.models.names import ModelName
from backend.models.store import ModelStore

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Typed:
    """Lines that somebody typed, an interrupt among them where an entry is an error."""

    def __init__(self, *lines: str | BaseException) -> None:
        self.keep_history = True
        self.lines = list(lines)
        self.continued: list[bool] = []

    def read(self, *, continued: bool) -> str:
        self.continued.append(continued)
        if not self.lines:
            raise EOFError
        line = self.lines.pop(0)
        if isinstance(line, BaseException):
            raise line
        return line


Chat = Callable[..., tuple[str, str]]


@pytest.fixture
def session(server: Server) -> Session:
    return Session(server, "tiny", server.post("/api/show", {"model": "tiny"}), RunOptions())


@pytest.fixture
def chat(session: Session, capsys: pytest.CaptureFixture[str]) -> Chat:
    """Types the lines and returns what was printed on standard output and error."""

    def typed(*lines: str | BaseException) -> tuple[str, str]:
        capsys.readouterr()
        talk(session, Typed(*lines))
        out, err = capsys.readouterr()
        return out, err

    return typed


def test_questions_and_answers_are_remembered(chat: Chat, session: Session) -> None:
    out, err = chat("Why?", "And why?", "/bye", "never read")
    assert out == "one two three\n\n" * 2
    assert err == ""
    assert [(one["role"], one["content"]) for one in session.messages] == [
        ("user", "Why?"),
        ("assistant", "one two three"),
        ("user", "And why?"),
        ("assistant", "one two three"),
    ]


def test_the_end_of_the_lines_is_the_end(chat: Chat) -> None:
    assert chat() == ("\n", "")
    assert chat("/exit") == ("", "")


def test_a_text_over_several_lines(chat: Chat, session: Session) -> None:
    chat('"""one', "/bye", 'two"""', "", "  ")
    assert session.messages[0]["content"] == "one\n/bye\ntwo"
    assert len(session.messages) == 2


def test_the_prompt_says_that_a_text_goes_on(session: Session) -> None:
    lines = Typed('"""one', 'two"""', "/bye")
    talk(session, lines)
    assert lines.continued == [False, True, False]


def test_ctrl_c_drops_what_was_begun(chat: Chat, session: Session) -> None:
    out, _ = chat('"""one', KeyboardInterrupt("tw"), "/bye")
    assert (out, session.messages) == ("", [])
    out, _ = chat(KeyboardInterrupt(""), "/bye")
    assert out == "\nUse Ctrl + d or /bye to exit.\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/set wordwrap", "Set 'wordwrap' mode.\n"),
        ("/set nowordwrap", "Set 'nowordwrap' mode.\n"),
        ("/set verbose", "Set 'verbose' mode.\n"),
        ("/set quiet", "Set 'quiet' mode.\n"),
        ("/set format json", "Set format to 'json' mode.\n"),
        ("/set format", "Invalid or missing format. For 'json' mode use '/set format json'\n"),
        ("/set noformat", "Disabled format.\n"),
        ("/set history", ""),
        ("/set nohistory", ""),
        ("/set system be brief", "Set system message.\n"),
        ("/set template {{ .Prompt }}", "Set prompt template. It goes into what /save writes.\n"),
        ("/set parameter seed 7", "Set parameter 'seed' to '7'\n"),
        ("/set parameter stop a b", "Set parameter 'stop' to 'a, b'\n"),
        ("/set parameter seed x", 'Couldn\'t set parameter: "invalid int value [x]"\n'),
        ("/set parameter nope 1", "Couldn't set parameter: \"unknown parameter 'nope'\"\n"),
        ("/set nope", "Unknown command '/set nope'. Type /? for help\n"),
        ("/show nope", "Unknown command '/show nope'. Type /? for help\n"),
        ("/nope", "Unknown command '/nope'. Type /? for help\n"),
        ("/show license", "No license was specified for this model.\n"),
        ("/show system", "No system message was specified for this model.\n"),
        ("/load", "Usage:\n  /load <modelname>\n"),
        ("/load nope", "Loading model 'nope'\nCouldn't find model 'nope'\n"),
        ("/load plain", "Loading model 'plain'\n"),
        ("/save", "Usage:\n  /save <modelname>\n"),
        ("/save a//b", "error: The model name 'a//b' is invalid\n"),
        ("/save new", "Created new model 'new'\n"),
        ("/clear", "Cleared session context\n"),
    ],
)
def test_what_a_word_says(chat: Chat, line: str, said: str) -> None:
    assert chat(line, "/bye") == (said, "")


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("/?", "/? shortcuts"),
        ("/help", "/bye"),
        ("/? set", "/set parameter"),
        ("/help /show", "/show modelfile"),
        ("/? shortcuts", "Ctrl + d"),
        ("/set", "/set nowordwrap"),
        ("/set system", "/set system <string>"),
        ("/set parameter", "repeat_last_n <int>"),
        ("/set parameter seed", "repeat_last_n <int>"),
        ("/show", "/show license"),
        ("/show info", "architecture    "),
        ("/set think", 'warning: model "tiny" does not support thinking output'),
        ("/set nothink", 'warning: model "tiny" does not support thinking output'),
    ],
)
def test_what_goes_to_standard_error(chat: Chat, line: str, part: str) -> None:
    _, err = chat(line, "/bye")
    assert part in err


def test_list_shows_the_stored_models(chat: Chat) -> None:
    out, _ = chat("/list", "/bye")
    assert "embedder:latest" in out


def test_show_prints_what_the_model_and_the_user_say(chat: Chat) -> None:
    out, _ = chat("/show modelfile", "/show template", "/bye")
    assert "FROM " in out
    assert "for message in messages" in out
    out, _ = chat("/set parameter stop a b", "/set parameter seed 7", "/show parameters", "/bye")
    assert "Model defined parameters:\n  No additional parameters were specified" in out
    assert f"User defined parameters:\n  {'stop':<30} [a b]\n  {'seed':<30} 7\n" in out
    out, _ = chat("/set system mine", "/set template T", "/show system", "/show template", "/bye")
    assert "mine\n\nT\n" in out


def test_what_is_set_goes_with_the_question(chat: Chat, session: Session, script: Script) -> None:
    chat("/set parameter seed 7", "/set parameter stop two", "/set format json", "hello", "/bye")
    asked = script.requests[-1]
    assert asked.sampling.seed == 7
    assert asked.sampling.stop == ("two",)
    assert asked.json_schema is not None
    assert session.messages[-1]["content"].strip() == "one"


def test_the_system_message_is_said_first_and_survives_clear(chat: Chat, session: Session) -> None:
    chat("/set system one", "/set system two", "hello", "/clear", "/bye")
    assert session.messages == [{"role": "system", "content": "two"}]


def test_load_begins_anew_with_another_model(chat: Chat, session: Session) -> None:
    chat("hello", "/load plain", "/bye")
    assert (session.model, session.messages) == ("plain", [])
    chat("hello", "/load nope", "/bye")
    assert (session.model, len(session.messages)) == ("plain", 2)


def test_save_makes_a_model_of_the_conversation(chat: Chat, store: ModelStore) -> None:
    chat(
        "/set system be brief",
        "/set template {{ .Prompt }}",
        "/set parameter seed 7",
        "Why?",
        "/save talked",
        "/bye",
    )
    saved = store.content(store.get(ModelName.parse("talked")))
    assert (saved.system, saved.template) == ("be brief", "{{ .Prompt }}")
    assert saved.params == {"seed": 7}
    said = [(one["role"], one["content"]) for one in saved.messages]
    assert said[-2:] == [("user", "Why?"), ("assistant", "one two three")]


def test_an_error_does_not_end_the_chat(chat: Chat, session: Session, script: Script) -> None:
    script.load_error = "out of luck"
    _, err = chat("hello", "/bye")
    assert err.startswith("error: ")
    assert "out of luck" in err
    assert session.messages == []  # what could not be answered is not asked again
    script.load_error = None
    assert chat("hello", "/bye")[0] == "one two three\n\n"


def test_timings_when_they_are_asked_for(chat: Chat) -> None:
    _, err = chat("/set verbose", "hello", "/set quiet", "hello", "/bye")
    assert err.count("total duration:") == 1


def test_the_conversation_a_model_comes_with_is_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    messages = [
        {"role": "system", "content": "hidden"},
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "one two three four"},
    ]
    print_examples(messages, 15)
    assert capsys.readouterr().out == ">>> Why?\none two\nthree four\n\n"


class Seeing(Server):
    """A server with a model that looks at pictures, which keeps what it is asked."""

    asked: list[Any]

    def stream(self, path: str, body: Any) -> Any:
        self.asked = [path, body]
        yield {"message": {"role": "assistant", "content": "a dot"}, "done": True}


def test_a_picture_in_the_prompt_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a dot.png"
    path.write_bytes(PNG)
    typed = str(path).replace(" ", "\\ ")
    with Seeing("http://127.0.0.1:1") as server:
        shown = {"capabilities": ["completion", "vision"]}
        session = Session(server, "m", shown, RunOptions())
        talk(session, Typed(f"What is {typed} ?", f"{typed}", "/nope.png", "/?"))
        (_, body) = server.asked
    first, _, second, _, third, _ = session.messages
    assert first == {
        "role": "user",
        "content": "What is  ?",
        "images": [base64.b64encode(PNG).decode()],
    }
    assert second["content"] == ""
    assert third["content"] == "/nope.png"  # as no such file is there, it is what was said
    assert body["messages"][:1] == [first]
    out, err = capsys.readouterr()
    assert err.count(f"Added image '{path}'") == 2
    assert "Use /path/to/file to include" in err
    assert out.startswith("a dot\n\n")


def test_what_only_looks_like_a_picture(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(CommandFailed, match="is not a JPEG, PNG or WebP picture"):
        take_pictures(f"see {tmp_path}/text.png")
    assert take_pictures("see /none/x.png") == ("see /none/x.png", [])
    (tmp_path / "big.jpg").touch()
    with (tmp_path / "big.jpg").open("r+b") as file:
        file.truncate((100 << 20) + 1)
    with pytest.raises(CommandFailed, match="larger than 100 MB"):
        take_pictures(f"{tmp_path}/big.jpg")
