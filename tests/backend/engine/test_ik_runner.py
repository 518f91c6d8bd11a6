"""Which engine answers what, over fake runners; the last tests use the real second engine."""

from pathlib import Path

import pytest

from backend.answers.options import LoadOptions, SamplingOptions
from backend.engine import ik_runner
from backend.engine.fake_runner import FakeRunner, Script
from backend.engine.ik_check import difference
from backend.engine.ik_runner import IkEngine, IkRunner, unsuited
from backend.engine.llama_runner import LlamaRunner
from backend.engine.runner import Completion, Runner, RunnerKey, RunnerSpec, RunnerState
from backend.errors import LoadFailed
from backend.main import create_app
from backend.settings import BackendSettings
from tests.backend.gguf_files import write_gguf

SCHEMA = {"type": "object"}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_gguf(tmp_path / "tiny.gguf")


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package counts as installed, as no test here loads it."""
    monkeypatch.setattr(ik_runner, "PACKAGE", "json")


def spec_of(weights: Path, **values: object) -> RunnerSpec:
    return RunnerSpec(**{"key": RunnerKey(weights, False), "load": LoadOptions(), **values})  # type: ignore[arg-type]


class Both:
    """Two scripts and the engine over them; `ik` answers with its own words."""

    def __init__(self, ik: str = "same words", llama: str = "same words") -> None:
        self.ik, self.llama = Script(reply=ik), Script(reply=llama)
        self.engine = IkEngine(
            lambda spec: FakeRunner(spec, self.ik), lambda spec: FakeRunner(spec, self.llama)
        )


async def said(runner: IkRunner, **request: object) -> str:
    tokens = tuple(await runner.tokenize("Say", special=True))
    asked = Completion(tokens, SamplingOptions(), 10, **request)  # type: ignore[arg-type]
    return "".join([piece.text async for piece in runner.complete(asked)])


async def test_weights_that_both_compute_alike_are_served_by_ik(weights: Path) -> None:
    both = Both()
    runner = both.engine(spec_of(weights))
    assert runner.state is RunnerState.STOPPED
    await runner.start()
    assert (runner.engine, runner.state) == ("ik", RunnerState.READY)
    assert (both.llama.loads, both.llama.stops) == (1, 1)  # for the comparison alone
    asked = len(both.llama.requests)
    assert await said(runner) == "same words"
    assert len(both.llama.requests) == asked
    await runner.stop()
    assert runner.state is RunnerState.STOPPED


async def test_the_comparison_is_made_once_for_a_state_of_the_file(weights: Path) -> None:
    both = Both()
    for loads in (1, 1):
        runner = both.engine(spec_of(weights))
        await runner.start()
        await runner.stop()
        assert both.llama.loads == loads
    write_gguf(weights)
    again = both.engine(spec_of(weights))
    await again.start()
    assert both.llama.loads == 2


async def test_weights_that_it_computes_otherwise_go_to_llama(weights: Path) -> None:
    both = Both(ik="wrong")
    runner = both.engine(spec_of(weights))
    await runner.start()
    assert (runner.engine, runner.state) == ("llama", RunnerState.READY)
    assert both.ik.stops == 1
    assert await said(runner) == "same words"


async def test_what_it_cannot_load_goes_to_llama(weights: Path) -> None:
    both = Both()
    both.ik.load_error = "unknown architecture"
    runner = both.engine(spec_of(weights))
    await runner.start()
    assert runner.engine == "llama"


async def test_what_neither_can_load_fails_with_llamas_words(weights: Path) -> None:
    both = Both()
    both.ik.load_error, both.llama.load_error = "ik", "llama"
    runner = both.engine(spec_of(weights))
    with pytest.raises(LoadFailed, match="llama"):
        await runner.start()
    assert runner.state is RunnerState.FAILED
    await runner.stop()


async def test_a_schema_is_kept_by_llama_which_then_stays(weights: Path) -> None:
    both = Both()
    runner = both.engine(spec_of(weights))
    await runner.start()
    both.ik.reply, both.llama.reply = "from ik", "from llama"
    assert await said(runner, json_schema=SCHEMA) == "from llama"
    assert await said(runner, json_schema=SCHEMA) == "from llama"
    assert await said(runner) == "from ik"
    assert both.llama.loads == 2  # one for the comparison, one for both requests


async def test_a_second_engine_that_crashed_is_started_again(weights: Path) -> None:
    both = Both()
    runner = both.engine(spec_of(weights))
    await runner.start()
    both.llama.crash_after = 0
    with pytest.raises(Exception, match="stopped"):
        await said(runner, json_schema=SCHEMA)
    assert await said(runner, json_schema=SCHEMA) == "same words"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"parallel": 2}, "one slot"),
        ({"adapters": (Path("a"),)}, "LoRA"),
        ({"projector": Path("p")}, "images"),
    ],
)
async def test_what_it_cannot_do_goes_to_llama(
    weights: Path, values: dict[str, object], reason: str
) -> None:
    both = Both()
    spec = spec_of(weights, **values)
    assert reason in (unsuited(spec) or "")
    runner = both.engine(spec)
    await runner.start()
    assert (runner.engine, both.ik.loads) == ("llama", 0)


def test_embeddings_are_llamas(weights: Path) -> None:
    assert "embeddings" in (unsuited(spec_of(weights, key=RunnerKey(weights, True))) or "")


async def test_without_the_package_the_sentence_says_how_to_get_it(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ik_runner, "PACKAGE", "no_such_package")
    with pytest.raises(LoadFailed, match=r"ragstone\[ik\]"):
        await Both().engine(spec_of(weights)).start()


def test_the_setting_chooses(tmp_path: Path, weights: Path) -> None:
    def made(settings: BackendSettings) -> Runner:
        runner: Runner = create_app(settings).state.backend.pool._factory(spec_of(weights))
        return runner

    assert isinstance(made(BackendSettings(models=tmp_path, RAGSTONE_ENGINE="ik")), IkRunner)
    assert isinstance(made(BackendSettings(models=tmp_path)), LlamaRunner)


async def test_other_tokens_are_infinitely_far(weights: Path) -> None:
    one, other = (FakeRunner(spec_of(weights), Script()) for _ in range(2))
    await other.tokenize("a word ahead", special=False)
    assert await difference(one, other) == float("inf")
