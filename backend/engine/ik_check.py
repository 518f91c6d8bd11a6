"""Whether two engines compute the same: the same tokens, and the same chances of the next one.

A fast engine with a wrong kernel still writes fluent text, so nobody sees it. Measured over 16
places of TEXT, SmolLM2-135M in several quantisations and Gemma-270M, ik_llama.cpp beside llama.cpp:
right arithmetic differs by 0.001 (F16) to 0.07 nats, the wrong one of Q4_1 and Q5_1 by 0.63 and
0.75.
"""

from backend.answers.options import SamplingOptions
from backend.engine.runner import Completion, Runner

TEXT = (
    "The committee met on the first Tuesday of each month in a small room above the library. Its "
    "members read the letters that had come, agreed on what should be answered, and wrote the "
    "replies together. When the work was done they walked down to the river, where the boats lay, "
    "and talked about the weather and the price of bread."
)
PLACES = 16
ALLOWED = 0.25
ABSENT = -20.0  # nats: stands for a token that the other engine has not among its likeliest
TOP = 20
_GREEDY = SamplingOptions(temperature=0, seed=1)


async def difference(one: Runner, reference: Runner) -> float:
    """The mean difference in nats of the reference's likeliest next token, over PLACES of TEXT.

    Infinite where the two cut the text into other tokens.
    """
    tokens = await reference.tokenize(TEXT, special=True)
    if tokens != await one.tokenize(TEXT, special=True):
        return float("inf")
    total = 0.0
    for end in range(len(tokens) - PLACES, len(tokens)):
        before = tuple(tokens[:end])
        expected = await _chances(reference, before)
        likeliest = max(expected, key=lambda token: expected[token])
        found = (await _chances(one, before)).get(likeliest, ABSENT)
        total += abs(found - expected[likeliest])
    return total / PLACES


async def _chances(runner: Runner, before: tuple[int, ...]) -> dict[tuple[int, ...], float]:
    request = Completion(before, _GREEDY, max_tokens=1, top_logprobs=TOP)
    found: dict[tuple[int, ...], float] = {}
    async for piece in runner.complete(request):
        for logprob in piece.logprobs:
            found |= {other.bytes: other.logprob for other in logprob.top}
    return found
