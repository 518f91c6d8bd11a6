"""Points in time as people say them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.commands.ages import human_duration, human_time, parse_time

NOW = datetime(2026, 8, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        (timedelta(seconds=0.8), "Less than a second"),
        (timedelta(seconds=1.9), "1 second"),
        (timedelta(seconds=59), "59 seconds"),
        (timedelta(seconds=60), "About a minute"),
        (timedelta(minutes=4, seconds=59), "4 minutes"),
        (timedelta(minutes=60), "About an hour"),
        (timedelta(minutes=90), "2 hours"),
        (47 * HOUR, "47 hours"),
        (48 * HOUR, "2 days"),
        (timedelta(days=3), "3 days"),
        (timedelta(days=14), "2 weeks"),
        (timedelta(days=60), "2 months"),
        (timedelta(hours=17519, minutes=20), "24 months"),
        (timedelta(hours=17519, minutes=30), "2 years"),
        (timedelta(days=365 * 3), "3 years"),
    ],
)
def test_about_how_long(delta: timedelta, text: str) -> None:
    assert human_duration(delta) == text


@pytest.mark.parametrize(
    ("when", "text"),
    [
        (NOW - timedelta(days=3), "3 days ago"),
        (NOW, "Less than a second ago"),
        (NOW + timedelta(minutes=4, seconds=30), "4 minutes from now"),
        (NOW + timedelta(days=365 * 20), "20 years from now"),
        (NOW + timedelta(days=365 * 292), "Forever"),
        (None, "Never"),
    ],
)
def test_ago_or_from_now(when: datetime | None, text: str) -> None:
    assert human_time(when, NOW) == text


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "", "soon", "2026-13-01T00:00:00Z"])
def test_no_time(text: str) -> None:
    assert parse_time(text) is None


def test_go_writes_nine_digits_and_an_offset() -> None:
    parsed = parse_time("2026-08-21T14:00:00.123456789+02:00")
    assert parsed is not None
    assert parsed.astimezone(UTC) == NOW + timedelta(microseconds=123456)


@given(st.floats(min_value=0, max_value=1e10), st.floats(min_value=0, max_value=1e10))
def test_what_lasts_longer_never_sounds_shorter(first: float, second: float) -> None:
    units = ("second", "minute", "hour", "day", "week", "month", "year")

    def rank(seconds: float) -> int:
        text = human_duration(timedelta(seconds=seconds))
        return max(at for at, unit in enumerate(units) if unit in text)

    short, long = sorted((first, second))
    assert rank(short) <= rank(long)
