"""Small pure parts by tables: durations, addresses, settings, options, eviction, times."""

import contextlib
import math
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.address import Address
from backend.answers.options import effective_context, read_options
from backend.durations import FOREVER, parse_duration, parse_keep_alive, parse_setting
from backend.engine.eviction import Candidate, next_to_go
from backend.engine.threads import default_threads
from backend.errors import BadRequest, InvalidOption
from backend.models.config import human_count
from backend.settings import BackendSettings
from backend.web.wire import expiry, rfc3339


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("1h30m", 5400), ("0", 0), (0, 0), ("1.5s", 1.5), (2.5, 2.5), ("-1s", FOREVER), (-1, FOREVER),
     ("100ms", 0.1), ("1us", 1e-6), ("1µs", 1e-6), ("+3s", 3), (".5m", 30), (None, None)],
)  # fmt: skip
def test_keep_alive_is_read(value: Any, seconds: float | None) -> None:
    assert parse_keep_alive(value) == pytest.approx(seconds)


@pytest.mark.parametrize("value", ["300", "", "-", "5 m", "s", "1h3", "1d", True, [], {}, "1.2.3s"])
def test_keep_alive_refuses_all_else(value: Any) -> None:
    with pytest.raises(BadRequest):
        parse_keep_alive(value)


UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3}


@given(st.lists(st.tuples(st.integers(0, 9999), st.sampled_from(sorted(UNITS))), min_size=1))
def test_a_duration_is_the_sum_of_its_steps(steps: list[tuple[int, str]]) -> None:
    text = "".join(f"{number}{unit}" for number, unit in steps)
    assert parse_duration(text) == pytest.approx(sum(n * UNITS[u] for n, u in steps))
    assert parse_duration(f"-{text}") == -parse_duration(text)


@given(st.text(max_size=12))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert math.isfinite(parse_duration(text))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("300", 300), ("5m", 300), ("-1", FOREVER), ("nonsense", 7), ("", 7), ("9" * 400, 7)],
)
def test_a_setting_of_time_never_fails(text: str, seconds: float) -> None:
    assert parse_setting(text, 7) == seconds


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("", "127.0.0.1", 11434), ("0.0.0.0", "0.0.0.0", 11434), ("1.2.3.4:5", "1.2.3.4", 5),
     (":8000", "127.0.0.1", 8000), ("http://h", "h", 80), ("https://h", "h", 443),
     ("http://h:9/path", "h", 9), ("[::1]:1", "::1", 1), ("::1", "::1", 11434),
     ("[::1]", "::1", 11434),
     ("h:99999", "h", 11434), ("h:x", "h", 11434), ("127.0.0.1:0", "127.0.0.1", 0),
     ('" h:1 "', "h", 1)],
)  # fmt: skip
def test_ollama_host_in_all_its_forms(text: str, host: str, port: int) -> None:
    assert Address.parse(text.strip('"')) == Address(host, port)


def test_an_address_is_shown_as_clients_write_it() -> None:
    assert Address("0.0.0.0", 1).url() == "http://127.0.0.1:1"
    assert Address("::1", 1).url() == "http://[::1]:1"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "OLLAMA_HOST": " '1.2.3.4:5' ", "OLLAMA_KEEP_ALIVE": "-1", "OLLAMA_NUM_PARALLEL": "bad",
        "OLLAMA_MAX_QUEUE": "7", "OLLAMA_LOAD_TIMEOUT": "1m", "OLLAMA_CONTEXT_LENGTH": "x",
        "OLLAMA_MODELS": "~/m",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    settings = BackendSettings()
    assert settings.address == Address("1.2.3.4", 5)
    assert settings.keep_alive == FOREVER
    assert (settings.num_parallel, settings.max_queue, settings.load_timeout) == (1, 7, 60)
    assert (settings.default_context, settings.loaded_limit) == (4096, 3)
    assert "~" not in str(settings.models_folder)


@pytest.mark.parametrize("value", ["", " ", '""', "''"])
def test_an_empty_models_variable_is_not_the_present_folder(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("OLLAMA_MODELS", value)
    assert BackendSettings().models_folder == Path("~/.ollama/models").expanduser()
    monkeypatch.setenv("OLLAMA_MODELS", ' "/a b" ')
    assert BackendSettings().models_folder == Path("/a b")


def test_options_merge_and_default() -> None:
    read = read_options({"top_k": 5, "stop": ["m"]}, {"stop": ["r"], "num_ctx": 3.7, "seed": None})
    assert (read.sampling.top_k, read.sampling.stop, read.load.num_ctx) == (5, ("r",), 3)
    assert (read.sampling.min_p, read.sampling.repeat_penalty, read.sampling.seed) == (0.0, 1.0, -1)
    assert read_options({}, {"unknown": object()}) == read_options({}, None)


@pytest.mark.parametrize(
    ("options", "kind"),
    [({"num_ctx": "x"}, "integer"), ({"temperature": "x"}, "float32"), ({"use_mmap": 1}, "boolean"),
     ({"stop": "x"}, "array"), ({"stop": [1]}, "an array of strings"), ({"seed": True}, "integer"),
     ({"top_p": float("nan")}, "float32"), ({"num_ctx": float("inf")}, "integer")],
)  # fmt: skip
def test_options_of_a_wrong_type_say_so(options: dict[str, Any], kind: str) -> None:
    name = next(iter(options))
    with pytest.raises(InvalidOption, match=f'option "{name}" must be of(?: type)? {kind}'):
        read_options({}, options)


@pytest.mark.parametrize(
    ("asked", "trained", "context"),
    [(0, None, 4096), (0, 2048, 2048), (100, 2048, 100), (9999, 2048, 2048),
     (1, None, 4), (-5, 64, 4)],
)  # fmt: skip
def test_the_context_is_clipped_to_what_was_trained(
    asked: int, trained: int | None, context: int
) -> None:
    assert effective_context(asked, 4096, trained) == context


@pytest.mark.parametrize(
    ("loaded", "limit", "gone"),
    [
        ([], 1, None),
        ([Candidate("a", 9, False, "a")], 2, None),
        ([Candidate("a", 9, False, "a"), Candidate("b", 5, False, "b")], 2, "b"),
        ([Candidate("a", 9, False, "a"), Candidate("b", 5, True, "b")], 2, "a"),
        ([Candidate("b", 5, False, "b"), Candidate("a", 5, False, "a")], 2, "a"),
        ([Candidate("a", 9, True, "a"), Candidate("b", 5, True, "b")], 1, "b"),
    ],
)
def test_the_shortest_lived_idle_runner_goes_first(
    loaded: list[Candidate[str]], limit: int, gone: str | None
) -> None:
    assert next_to_go(loaded, limit) == gone


@pytest.mark.parametrize(
    ("count", "shown"),
    [(12, "12"), (1500, "2K"), (134_515_008, "134.52M"), (135_000_000, "135M"),
     (7_241_732_096, "7.2B"), (7_000_000_000, "7B")],
)  # fmt: skip
def test_parameter_counts_read_as_ollamas(count: int, shown: str) -> None:
    assert human_count(count) == shown


def test_times_are_rfc3339() -> None:
    east = timezone(timedelta(hours=8))
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05Z"
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, 120000, UTC)) == "2026-01-02T03:04:05.12Z"
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, tzinfo=east)) == "2026-01-02T03:04:05+08:00"
    no_offset = timezone(timedelta(0), "GMT")
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, tzinfo=no_offset)) == "2026-01-02T03:04:05Z"
    assert int(expiry(FOREVER)[:4]) > 2300


def test_the_engine_leaves_a_core_to_the_others() -> None:
    assert 1 <= default_threads() <= (os.cpu_count() or 1)
