"""How much a template may do: it comes with a model from anywhere, or with a request.

Figures of one core of a laptop: 200 messages through a template with tools take 23 ms.
"""

import time

from gotpl import ExecutionBudget
from gotpl.errors import TemplateExecutionError

MAX_SOURCE = 100_000  # characters; the longest template of Ollama's library has some 20,000
MAX_TEXT = 16_000_000  # characters of one value or of the prompt, about 4 million tokens
MAX_PADDING = 100_000  # characters that one printf may ask for beyond its values
MAX_CPU_SECONDS = 2.0

BUDGET = ExecutionBudget(
    max_output_chars=MAX_TEXT,
    max_iterations=100_000,
    max_template_depth=100,
    max_function_calls=1_000_000,
)


class Clock:
    """The processor time that one rendering has left; a busy machine does not count."""

    def __init__(self) -> None:
        self._end = time.thread_time() + MAX_CPU_SECONDS

    def check(self) -> None:
        """Raises TemplateExecutionError when the time is up."""
        if time.thread_time() > self._end:
            raise TemplateExecutionError(f"it takes longer than {MAX_CPU_SECONDS:g} s")


def bounded(length: int) -> None:
    """Raises TemplateExecutionError when a text would get longer than MAX_TEXT."""
    if length > MAX_TEXT:
        raise TemplateExecutionError(f"a text gets longer than {MAX_TEXT} characters")
