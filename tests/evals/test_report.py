from html.parser import HTMLParser

import pytest

from evals.plots import Bar, Dot, bars, bins, confidences, histogram, round_step
from evals.report import html, verdict
from tests.evals.made import EVIL, evil_result, result

VOID = {"meta", "br", "line", "rect", "circle", "path"}


class Reader(HTMLParser):
    """Collects tags and text, and checks that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_a_report_parses_and_holds_every_case():
    page = parsed(html(result({"a": {"mrr": 1.0, "total_ms": 9.0}, "b": {"mrr": 0.5}})))
    assert "What is a?" in page.text
    assert "What is b?" in page.text
    assert sum(tag == "svg" for tag, _ in page.seen) == 2
    assert "0.750" in page.text  # the mean of mrr


def test_nothing_is_loaded_from_anywhere():
    page = html(result({"a": {"mrr": 1.0}}))
    assert all("src" not in attrs and "href" not in attrs for _, attrs in parsed(page).seen)
    assert "http" not in page
    assert "@import" not in page


def test_everything_is_escaped():
    page = html(evil_result())
    reader = parsed(page)
    assert EVIL not in page
    scripts = [tag for tag, _ in reader.seen if tag == "script"]
    assert len(scripts) == 1  # our own
    for place in ("question", "gold", "answer", "own", "sentence", "better", "quote", "text"):
        assert f"{place} {EVIL}" in reader.text


def test_a_failed_case_shows_why():
    page = parsed(html(evil_result()))
    assert "failed 1" in page.text
    assert "ask: E:" in page.text


def case(answerable: bool = True, abstained: bool = False, found: float | None = 1.0) -> dict:
    return {
        "answerable": answerable,
        "exchange": {"abstained": abstained},
        "scores": {"quoted_contains": found},
    }


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        (case(), "right"),
        (case(found=0.0), "wrong"),
        (case(found=None), "right"),  # no gold answer to compare with
        (case(abstained=True, found=0.0), "silent"),
        (case(answerable=False, abstained=True, found=None), "right"),
        (case(answerable=False, found=None), "invented"),
        ({**case(), "exchange": None}, "failed"),
    ],
)
def test_verdicts(judged: dict, expected: str):
    assert verdict(judged) == expected


def test_bars_have_labels_values_and_whiskers():
    drawn = bars([Bar("a < b", 0.5, 0.1), Bar("low", 0.0, None, bad=True)])
    assert "a &lt; b" in drawn
    assert drawn.count("whisker") == 1
    assert "bar bad" in drawn
    parsed(drawn)


@pytest.mark.parametrize(
    ("width", "expected"), [(0.3, 0.5), (1, 1), (1.1, 2), (7, 10), (20, 20), (2300, 5000)]
)
def test_round_steps(width: float, expected: float):
    assert round_step(width) == pytest.approx(expected)


@pytest.mark.parametrize(
    "values", [[5.0], [0.0], [3.0, 3.0], [1.0, 2.0, 1000.0], [0.1 * n for n in range(100)]]
)
def test_bins_hold_every_value(values: list[float]):
    found = bins(values)
    assert sum(count for _, _, count in found) == len(values)
    assert found[0][0] <= min(values)
    assert found[-1][1] >= max(values)
    assert len(found) <= 42


def test_plots_of_nothing_are_nothing():
    assert bins([]) == []
    assert histogram([], []) == ""
    assert confidences([]) == ""


def test_histogram_names_its_marks():
    drawn = histogram([10.0, 20.0, 400.0], [("p50", 20.0), ("p95", 362.0)])
    parsed(drawn)
    assert "p95 362 ms" in drawn


def test_confidences_tell_silence_apart():
    drawn = confidences([Dot("a<b", 0.1, 0, True), Dot("b", 0.9, 1, False)])
    parsed(drawn)
    assert drawn.count('class="held"') == drawn.count('class="said"') == 1
    assert "a&lt;b" in drawn
