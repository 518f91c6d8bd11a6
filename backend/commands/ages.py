"""Points in time as people say them: `3 days ago`, `4 minutes from now`, `Forever`."""

from datetime import UTC, datetime, timedelta

FOREVER_HOURS = 21 * 365 * 24
"""What is farther ahead is shown as for ever: keep_alive -1 is answered with 292 years."""
_STEPS = (
    (24 * 7 * 2, 24, "days"),
    (24 * 30 * 2, 24 * 7, "weeks"),
    (24 * 365 * 2, 24 * 30, "months"),
)


def parse_time(text: str) -> datetime | None:
    """The time in an RFC 3339 text; None for Go's zero time and for what is no time."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    if when.year <= 1:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def human_time(when: datetime | None, now: datetime) -> str:
    """How long ago or ahead of `now`; `Never` for None."""
    if when is None:
        return "Never"
    delta = now - when
    if delta >= timedelta():
        return f"{human_duration(delta)} ago"
    if -delta >= timedelta(hours=FOREVER_HOURS):
        return "Forever"
    return f"{human_duration(-delta)} from now"


def human_duration(delta: timedelta) -> str:
    """About how long: whole units, the largest that is not a fraction."""
    seconds = int(delta.total_seconds())
    if seconds < 60:
        return _few_seconds(seconds)
    minutes = seconds // 60
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    hours = int(delta.total_seconds() / 3600 + 0.5)  # half up, as Go rounds
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    for below, size, unit in _STEPS:
        if hours < below:
            return f"{hours // size} {unit}"
    return f"{hours // 24 // 365} years"


def _few_seconds(seconds: int) -> str:
    if seconds < 1:
        return "Less than a second"
    return "1 second" if seconds == 1 else f"{seconds} seconds"
