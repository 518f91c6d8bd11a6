"""Sizes, counts and durations."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.commands.units import go_duration, human_bytes, human_number
from backend.durations import parse_duration


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 KB"),
        (1024, "1.0 KB"),
        (1500, "1.5 KB"),
        (9_999, "10.0 KB"),
        (98_362_432, "98 MB"),
        (137_000_000, "137 MB"),
        (2_019_393_189, "2.0 GB"),
        (4_661_224_676, "4.7 GB"),
        (39_970_000_000, "39 GB"),
        (1_000_000_000_000, "1 TB"),
    ],
)
def test_bytes_as_ollama_prints_them(count: int, text: str) -> None:
    assert human_bytes(count) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1500, "2K"),
        (134_515_008, "134.52M"),
        (26_000_000, "26M"),
        (7_241_732_096, "7.2B"),
        (7_000_000_000, "7B"),
    ],
)
def test_parameter_counts(count: int, text: str) -> None:
    assert human_number(count) == text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (523_400_000, "523.4ms"),
        (1_000_000_000, "1s"),
        (71_502_819_683, "1m11.502819683s"),
        (3_600_000_000_000, "1h0m0s"),
        (-1_500_000_000, "-1.5s"),
    ],
)
def test_durations_as_go_writes_them(nanoseconds: int, text: str) -> None:
    assert go_duration(nanoseconds) == text


@given(st.integers(min_value=-(10**16), max_value=10**16))
def test_a_written_duration_reads_back(nanoseconds: int) -> None:
    seconds = parse_duration(go_duration(nanoseconds))
    assert seconds == pytest.approx(nanoseconds / 1e9, rel=1e-12, abs=1e-12)


@given(st.integers(min_value=0, max_value=10**16))
def test_a_size_is_short_and_near(count: int) -> None:
    text = human_bytes(count)
    value, unit = text.split(" ")
    size = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}[unit]
    assert re.fullmatch(r"\d+(\.\d)?", value)
    assert abs(float(value) * size - count) <= 0.1 * max(count, 1)
