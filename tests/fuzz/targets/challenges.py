"""Any header is a question that only its own registry is asked, or none."""

from hypothesis import strategies as st

from backend.registry.challenge import Challenge
from backend.registry.reference import Reference, origin
from tests.fuzz.mutations import pieced

_PIECES = ("Bearer ", "Basic ", "realm=", "service=", "scope=", '"', ",", "http://", "https://",
           "registry.example/token", "registry.example", "@", "[", "]", ":", "\\", "#", "?a=b",
           "evil.example", ":99999", "//", " ", "\t", "%00")  # fmt: skip
CASES = pieced(_PIECES).map(lambda text: f"Bearer {text}") | st.text(max_size=60) | pieced(_PIECES)
_OURS = Reference.parse("https://registry.example/library/tiny")


def check(header: str) -> None:
    """Read it, and ask where that is allowed."""
    challenge = Challenge.parse(header)
    if challenge is None or not _OURS.owns(challenge.realm):
        return
    assert origin(challenge.url()) == ("https", "registry.example", 443)
