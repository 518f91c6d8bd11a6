"""The variables of Ollama's users: read, refused with a word, or named with the reason."""

import contextlib
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.address import Address
from backend.environment import OF_COMMANDS, WITHOUT_EFFECT, help_text, notices, variables
from backend.readings import count, flag, level, seconds, trimmed
from backend.settings import BackendSettings

NAMED = [
    "HOST", "MODELS", "ORIGINS", "DEBUG", "FLASH_ATTENTION", "KV_CACHE_TYPE", "CONTEXT_LENGTH",
    "NOPRUNE", "NOHISTORY", "SCHED_SPREAD", "TMPDIR", "LLM_LIBRARY", "MAX_VRAM", "RUNNERS_DIR",
    "GPU_OVERHEAD", "NO_CLOUD", "GO_TEMPLATE", "REMOTES", "MAX_TRANSFER_STREAMS", "EDITOR",
    "KEEP_ALIVE", "LOAD_TIMEOUT", "MAX_LOADED_MODELS", "MAX_QUEUE", "NUM_PARALLEL",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_every_variable_is_in_exactly_one_table_and_in_the_help(name: str) -> None:
    full = f"OLLAMA_{name}"
    tables = [{one.name for one in variables()}, set(WITHOUT_EFFECT), set(OF_COMMANDS)]
    assert sum(full in table for table in tables) == 1
    assert full in help_text()


def test_the_help_fits_a_terminal_and_names_the_defaults() -> None:
    text = help_text()
    assert max(map(len, text.splitlines())) <= 100
    for default in ("[127.0.0.1:11434]", "[300s]", "[512]", "[f16]"):
        assert default in text


def test_an_environment_without_surprises_gives_no_line() -> None:
    environ = {"OLLAMA_HOST": "0.0.0.0", "OLLAMA_KEEP_ALIVE": "-1", "OLLAMA_NOHISTORY": "1",
               "OLLAMA_SCHED_SPREAD": " ", "OLLAMA_DEBUG": "yes", "OLLAMA_MAX_QUEUE": '"9"',
               "OLLAMA_EDITOR": "vi", "PATH": "/bin", "OLLAMA_FLASH_ATTENTION": ""}  # fmt: skip
    assert notices(environ) == []


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [("OLLAMA_NUM_PARALLEL", "x", "whole number from 1 up: 1 is used"),
     ("OLLAMA_NUM_PARALLEL", "0", "1 is used"), ("OLLAMA_MAX_QUEUE", "-3", "512 is used"),
     ("OLLAMA_CONTEXT_LENGTH", "4k", "0 is used"), ("OLLAMA_KEEP_ALIVE", "soon", "300s is used"),
     ("OLLAMA_KV_CACHE_TYPE", "q5_1", "f16 or q8_0 or q4_0: f16 is used"),
     ("OLLAMA_HOST", "h:99999", "11434 is used"), ("OLLAMA_HOST", "http://h:x", "80 is used"),
     ("OLLAMA_HOST", "https://h", "plain HTTP"),
     ("OLLAMA_TMPDIR", "/tmp", "nothing is unpacked"),
     ("OLLAMA_GPU_OVERHEAD", "1", "num_gpu"), ("OLLAMA_NOVELTY", "1", "does not know it")],
)  # fmt: skip
def test_what_does_not_do_as_it_says_gets_one_line(name: str, value: str, told: str) -> None:
    (line,) = notices({name: value})
    assert line.startswith(name)
    assert told in line


def test_a_quantised_cache_needs_flash_attention() -> None:
    environ = {"OLLAMA_KV_CACHE_TYPE": "q8_0", "OLLAMA_FLASH_ATTENTION": "0"}
    (line,) = notices(environ)
    assert "needs it: f16 is used" in line
    without = BackendSettings(kv_cache_type="q8_0", flash_attention="0")
    assert (without.kv_type, without.attention) == ("f16", False)
    auto = BackendSettings(kv_cache_type="Q4_0")
    assert (auto.kv_type, auto.attention) == ("q4_0", True)
    assert BackendSettings().attention is None
    assert BackendSettings(flash_attention="1").attention is True


@pytest.mark.parametrize(
    ("value", "read"),
    [("0", 0), ("false", 0), ("F", 0), ("1", 1), ("true", 1), ("2", 2), ("7", 2), ("on", 1)],
)
def test_debug_has_three_levels(value: str, read: int) -> None:
    assert level(value) == read
    assert BackendSettings(debug=value).debug == read


def test_a_load_timeout_of_nothing_or_less_is_for_ever() -> None:
    for value in ("0", "-1", "-5m", "0s"):
        assert BackendSettings(load_timeout=value).load_timeout == math.inf
    assert BackendSettings(load_timeout="1h30m").load_timeout == 5400
    assert BackendSettings(load_timeout="?").load_timeout == 300
    assert BackendSettings(keep_alive="0").keep_alive == 0


def test_no_value_of_the_environment_stops_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in variables():
        monkeypatch.setenv(one.name, "\u2622 nonsense")
    settings = BackendSettings()
    assert settings.address == Address("\u2622 nonsense", 11434)
    assert settings.loaded_limit == 3


def test_the_token_is_not_in_what_is_printed_of_the_settings() -> None:
    assert "sesame" not in repr(BackendSettings(token="sesame"))


@given(st.text(max_size=30))
def test_any_text_is_read_or_replaced(value: str) -> None:
    assert count(5, least=2)(value) >= 2
    assert seconds(5.0)(value) >= 0
    assert flag(default=None)(value) in (True, False, None)
    with contextlib.suppress(ValueError):
        assert 0 <= Address.parse(value).port <= 65535
    assert (
        (count(5)(value) == int(trimmed(value)))
        if trimmed(value).isdecimal() and trimmed(value).isascii()
        else count(5)(value) == 5
    )


def test_a_readable_value_is_no_notice() -> None:
    for one in variables():
        if one.reading is not None:
            assert one.reading.understands("")
    assert not count(1).understands("x")
    assert Path("~") == BackendSettings(models="~").models
