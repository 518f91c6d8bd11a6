"""What commands print and exit with in the cases besides the plain one."""

import json
import threading

import pytest

from app.client import Client
from app.commands.doctor import show_report
from app.commands.filters import filters_of
from app.commands.output import counted, size
from tests.app.conftest import LEAVE


def test_search_without_a_hit_says_so(ragstone, handbook):
    code, out, _ = ragstone("search", "-c", handbook, "leave", "--document", "*.pdf")
    assert (code, out) == (0, "nothing found\n")


@pytest.mark.parametrize(
    ("flags", "hits"),
    [
        (("--type", "text/plain"), True),
        (("--type", "text/*"), True),
        (("--type", "application/pdf"), False),
        (("--before", "2020-01-01"), False),
        (("--after", "2020-01-01T08:00+08:00", "--before", "9000-01-01"), True),
        (("-d", "other.txt", "-d", "hand*"), True),
        (("-d", "handbook.txt", "--type", "application/pdf"), False),
    ],
)
def test_every_filter_limits_the_search(ragstone, handbook, flags, hits):
    code, out, _ = ragstone("search", "-c", handbook, "--json", "annual leave", *flags)
    assert code == 0
    assert bool(json.loads(out)) is hits


def test_a_date_without_a_zone_is_local_and_no_filter_is_none():
    assert filters_of(None, [], "", None) is None
    filters = filters_of(["a"], None, "2026-11-01", "2026-11-02T08:30+02:00")
    assert filters is not None
    assert filters["names"] == ["a"]
    assert filters["uploaded_after"].startswith("2026-11-01T00:00:00")
    assert len(filters["uploaded_after"]) > len("2026-11-01T00:00:00")
    assert "media_types" not in filters


def test_ask_as_json_is_the_answer_of_the_api(ragstone, handbook):
    code, out, _ = ragstone("ask", "-c", handbook, "--json", LEAVE)
    answer = json.loads(out)
    assert code == 0
    assert answer["answer"].startswith("25 days [1]")
    assert {"sources", "sentences", "timings", "dropped", "usage"} <= set(answer)


@pytest.mark.parametrize(
    ("said", "mark"), [("40 days", "✗ unsupported"), ("Yes.", "· not checked"), ("25 days", "✓")]
)
def test_each_verdict_has_its_mark_and_a_doubtful_one_its_evidence(
    ragstone, handbook, chat, said, mark
):
    chat.replies.append(said)
    code, out, _ = ragstone("ask", "-c", handbook, LEAVE)
    assert code == 0
    assert mark in out
    assert ("evidence: “" in out) is (said == "40 days")


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        (("--model", "none:1b"), 1, "none:1b"),
        (("--strategy", "guess"), 1, "known: evidence"),
        (("--mode", "psychic"), 1, "hybrid"),
        (("--top-k", "0"), 2, "top-k"),
    ],
)
def test_what_cannot_be_asked_is_told_on_standard_error(ragstone, handbook, flags, code, says):
    ended, out, error = ragstone("ask", "-c", handbook, LEAVE, *flags)
    assert ended == code
    assert says in error
    assert "Traceback" not in out + error


def test_an_error_as_json_has_code_and_message(ragstone, handbook):
    code, out, error = ragstone("ask", "-c", "nowhere", "--json", "why?")
    assert code == 1
    assert json.loads(out)["error"]["code"] == "unknown_collection"
    assert "nowhere" in json.loads(out)["error"]["message"]
    assert "nowhere" in error


def test_a_job_is_followed_to_its_end(ragstone, handbook, service, tmp_path):
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    with Client(f"http://127.0.0.1:{service}") as client:
        (accepted,) = client.upload(handbook, [tmp_path / "broken.pdf"])
        job_id = str(accepted.get("job_id"))
    code, out, _ = ragstone("jobs", "follow", job_id)
    assert code == 1
    assert out.rstrip().endswith("(unreadable)")
    code, out, _ = ragstone("jobs", "follow", job_id, "--json")
    assert code == 1
    assert json.loads(out.splitlines()[-1])["state"] == "failed"
    code, out, _ = ragstone("jobs", "cancel", job_id, "--json")
    assert (code, json.loads(out)["state"]) == (0, "failed")
    code, out, _ = ragstone("jobs", "--state", "failed")
    assert "broken.pdf" in out


def test_an_unknown_job_is_told(ragstone):
    for verb in ("follow", "cancel"):
        code, _, error = ragstone("jobs", verb, "nothing")
        assert code == 1
        assert "nothing" in error


def test_a_page_of_the_web_cannot_be_added_yet(ragstone, handbook):
    code, _, error = ragstone("add", "-c", handbook, "http://example.org/")
    assert code == 1
    assert "upload the file" in error


def test_the_same_file_twice_is_told(ragstone, handbook, tmp_path):
    code, out, _ = ragstone("add", "-c", handbook, str(tmp_path / "handbook.txt"))
    assert code == 0
    assert "has the same bytes" in out


def test_collections_as_json_and_removal_asks_first(ragstone, handbook):
    found = json.loads(ragstone("collections", "--json")[1])
    assert handbook in [one["name"] for one in found]
    code, out, error = ragstone("collections", "rm", handbook, stdin="n\n")
    assert code == 1
    assert "with its 1 document?" in out + error
    made = json.loads(ragstone("collections", "create", f"{handbook}-b", "--json")[1])
    assert made["documents"] == 0
    assert ragstone("collections", "rm", f"{handbook}-b", "-y")[0] == 0


def test_the_doctor_of_what_is_off_says_how_to_mend_it(capsys):
    found = {"name": "laws", "documents": 1, "chunks": 2}
    report = {"ok": False, "collections": [found], "sentences": ["laws: 2 vectors are missing."]}
    show_report(report, fixed=False)
    said = capsys.readouterr().out
    assert "laws: 1 document, 2 passages" in said
    assert "✗ laws: 2 vectors are missing." in said
    assert "ragstone doctor --fix" in said
    show_report(report, fixed=True)
    assert "needs a person" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (2_500_000, "2.5 MB")]
)
def test_sizes_and_counts_for_people(count, shown):
    assert size(count) == shown
    assert counted(1, "page") == "1 page"
    assert counted(count or 2, "page").endswith("pages")


def test_commands_side_by_side_do_not_disturb_each_other(service, handbook):
    answers = []

    def ask() -> None:
        with Client(f"http://127.0.0.1:{service}") as client:
            answers.append(client.query(LEAVE, {"collection": handbook})["answer"])

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert len(set(answers)) == 1
