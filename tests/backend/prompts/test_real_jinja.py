"""Jinja templates of real weights, rendered by llama.cpp in the real child process."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from backend.answers.options import LoadOptions
from backend.engine.llama_runner import LlamaRunner
from backend.engine.runner import RunnerKey, RunnerSpec
from backend.errors import RunnerRejected
from backend.models.names import ModelName
from backend.models.store import ModelStore
from backend.prompts.conversation import Conversation
from backend.prompts.jinja import template_request
from tests.fixtures.models import CHATTER

pytestmark = pytest.mark.model
TEMPLATE = (
    "{% if tools %}{% for t in tools %}[{{ t.function.name }}]{% endfor %}{% endif %}"
    "{% for m in messages %}<{{ m.role }}>"
    "{% if m.role == 'critic' %}{{ raise_exception('no critics here') }}{% endif %}"
    "{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}"
    "{{ m.content }}{% for c in m.tool_calls or [] %}"
    "<tool_call>{{ c.function.name }} {{ c.function.arguments | tojson }}</tool_call>"
    "{% endfor %}</{{ m.role }}>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>"
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}"
    "{% if reasoning_effort is defined %}({{ reasoning_effort }}){% endif %}{% endif %}"
)
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
ASK = {"role": "user", "content": "Hi"}
CALL = {"function": {"name": "weather", "arguments": {"city": "Köln"}}}
CALLED: list[dict[str, Any]] = [
    ASK,
    {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [CALL]},
    {"role": "tool", "content": "wet", "tool_name": "weather"},
]


@pytest.fixture(scope="module")
def weights(ollama_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled chat model with the template above in place of its own."""
    store = ModelStore(ollama_models)
    source = store.content(store.get(ModelName.parse(CHATTER))).weights
    target = tmp_path_factory.mktemp("jinja") / "other.gguf"
    script = [sys.executable, "-m", "gguf.scripts.gguf_new_metadata", "--chat-template", TEMPLATE]
    subprocess.run([*script, str(source), str(target)], check=True, capture_output=True)
    return target


@pytest.fixture
async def runner(weights: Path) -> AsyncIterator[LlamaRunner]:
    load = LoadOptions(num_ctx=256, num_batch=256, num_thread=1)
    runner = LlamaRunner(RunnerSpec(RunnerKey(weights, embedding=False), load))
    await runner.start()
    yield runner
    await runner.stop()


async def test_what_a_real_template_makes_of_our_messages(runner: LlamaRunner) -> None:
    async def prompt(messages: list[dict[str, Any]], **more: Any) -> str:
        return await runner.render(template_request(Conversation(messages, **more)))

    assert await prompt([ASK]) == "<user>Hi</user><assistant>"
    assert await prompt(CALLED, tools=[TOOL]) == (
        '[weather]<user>Hi</user><assistant><think>hm</think><tool_call>weather {"city": "Köln"}'
        "</tool_call></assistant><tool>wet</tool><assistant>"
    )
    assert await prompt([ASK], think=False) == "<user>Hi</user><assistant><think></think>"
    assert await prompt([ASK], think="high") == "<user>Hi</user><assistant>(high)"
    for think in (None, False, True):
        begun = await prompt([ASK, {"role": "assistant", "content": "Well"}], think=think)
        assert begun.startswith("<user>Hi</user><assistant>")
        assert begun.endswith("Well")
    with pytest.raises(RunnerRejected, match="no critics here"):
        await prompt([{"role": "critic", "content": "Bah"}])
    assert await prompt([ASK]) == "<user>Hi</user><assistant>"
