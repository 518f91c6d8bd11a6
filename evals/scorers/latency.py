"""How long did it take? Milliseconds, lower is better; the report adds p50, p95 and max."""

from collections.abc import Mapping
from dataclasses import dataclass

from evals.records import Case, Exchange, Score

STEPS = ("retrieve_ms", "first_token_ms", "generate_ms", "verify_ms", "total_ms", "engine_ms")


@dataclass(frozen=True)
class Latency:
    """The service's own timings, and `ask_ms` and `search_ms` as the caller saw them."""

    name: str = "latency"
    version: str = "1"

    def score(self, case: Case, exchange: Exchange) -> Mapping[str, Score]:
        """Return each step's milliseconds; unscored when the service did not take the step."""
        scores = {
            "ask_ms": Score(exchange.ask_ms),
            "search_ms": Score(exchange.search_ms),
        }
        for step in STEPS:
            taken = exchange.timings.get(step) or 0.0
            scores[step] = Score(taken) if taken > 0 else Score.unscored("step not taken")
        return scores
