import json
from collections.abc import Sequence

import pytest
from fastapi import FastAPI, Request

from evals.judge import METRIC, LlamaIndexJudge, judge_run, parse
from evals.records import Case, CaseResult, Exchange, Retrieved, RunResult, Score
from tests.evals.fake_service import serving

SOURCE = Retrieved("a.md", "There are 28 days of leave.")
ANSWERED = Exchange((), "28 days [1].", "28", abstained=False, sources=(SOURCE,))


def run_of(*exchanges: Exchange | None) -> RunResult:
    cases = tuple(
        CaseResult(Case(str(n), "How many?", ("28",)), exchange, {"mrr": Score(1.0)})
        for n, exchange in enumerate(exchanges)
    )
    return RunResult("d", "v", "s", "f", {"answer": "1"}, cases)


class Says:
    """A judge with a fixed reply."""

    version = "1, fixed"

    def __init__(self, reply: str) -> None:
        self.reply = reply
        self.heard: list[tuple[str, str, tuple[str, ...]]] = []

    async def opinion(self, question: str, response: str, contexts: Sequence[str]) -> str:
        self.heard.append((question, response, tuple(contexts)))
        if self.reply == "crash":
            raise TimeoutError("no reply")
        return self.reply


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("YES", 1.0),
        (" yes, it is.", 1.0),
        ("**No**", 0.0),
        ("NO\nbecause", 0.0),
        ("Yes or no", None),
        ("YES/NO", None),
        ("yesterday it was", None),
        ("Nothing says so", None),
        ("The answer is yes", None),
        ("", None),
    ],
)
def test_replies_are_read_strictly(reply: str, value: float | None):
    assert parse(reply).value == value


def test_an_unreadable_reply_says_what_was_said():
    assert "'Maybe.'" in parse(" Maybe.\n").reason


def test_the_judge_hears_the_answer_without_markers():
    judge = Says("YES")
    heard: list[tuple[int, int]] = []
    judged = judge_run(run_of(ANSWERED), judge, lambda done, total: heard.append((done, total)))
    assert judge.heard == [("How many?", "28 days.", ("There are 28 days of leave.",))]
    assert judged.cases[0].scores[METRIC].value == 1.0
    assert judged.cases[0].scores["mrr"].value == 1.0
    assert judged.scorers == {"answer": "1", "judge": "1, fixed"}
    assert heard == [(1, 1)]


def test_silence_and_missing_sources_are_unscored_and_failures_passed_over():
    silent = Exchange((), "I don't know.", "", abstained=True)
    bare = Exchange((), "28", "28", abstained=False)
    judged = judge_run(run_of(silent, bare, None), Says("YES"), lambda *_: None)
    assert judged.cases[0].scores[METRIC].value is None
    assert judged.cases[1].scores[METRIC].value is None
    assert METRIC not in judged.cases[2].scores


def test_a_judge_that_crashes_is_a_failure_of_its_case():
    judged = judge_run(run_of(ANSWERED), Says("crash"), lambda *_: None)
    assert [(f.where, f.error) for f in judged.cases[0].failures] == [("judge", "TimeoutError")]
    assert METRIC not in judged.cases[0].scores


def fake_ollama(reply: str, seen: list[dict[str, object]]) -> FastAPI:
    app = FastAPI()

    @app.post("/api/chat")
    @app.post("/api/generate")
    async def answer(request: Request) -> dict[str, object]:
        body = json.loads(await request.body())
        seen.append(body)
        return {"model": body["model"], "created_at": "2026-01-01T00:00:00Z", "done": True,
                "response": reply, "message": {"role": "assistant", "content": reply}}  # fmt: skip

    return app


# llama-index's own code warns under Python 3.11 and pydantic 2.14; not ours to mend
@pytest.mark.filterwarnings("ignore")
def test_llama_index_asks_an_ollama_server():
    seen: list[dict[str, object]] = []
    with serving(fake_ollama("NO, not at all", seen)) as url:
        judge = LlamaIndexJudge("tiny", url)
        judged = judge_run(run_of(ANSWERED, ANSWERED), judge, lambda *_: None)
    assert [case.scores[METRIC].value for case in judged.cases] == [0.0, 0.0]
    assert len(seen) == 2
    assert "28 days of leave" in json.dumps(seen[0])
    assert seen[0]["options"]["num_ctx"] == 4096  # type: ignore[index]
    assert "llama-index-core" in judge.version
    assert "tiny" in judge.version
