"""Any text is a name whose path stays in its folder, or a typed error."""

from pathlib import Path

from hypothesis import strategies as st

from backend.errors import CloudModel, InsecureProtocol, InvalidName
from backend.models.names import ModelName, on_disk, to_run
from backend.registry.reference import Reference, origin
from tests.fuzz.mutations import pieced

_PIECES = ("a", "tiny", "/", ":", "..", ".", "\\", "-", "_", "://", "http://", "hf.co/", "latest",
           ":cloud", "-cloud", ":local", "localhost:1/", "@", "%2e", "[::1]", "x" * 80)  # fmt: skip
CASES = pieced(_PIECES, 9) | st.text(max_size=30)
_ROOT = Path("/models/manifests")


def check(text: str) -> None:
    """Read the name in each way there is."""
    for read in (ModelName.parse, on_disk, to_run):
        try:
            name = read(text)
        except (InvalidName, CloudModel):
            continue
        path = _ROOT.joinpath(*name.parts)
        assert path.parts[: len(_ROOT.parts)] == _ROOT.parts
        assert len(path.parts) == len(_ROOT.parts) + 4
        assert not any(part.startswith(".") or part != part.strip() for part in name.parts)
        assert ModelName.parse(name.full) == name == ModelName.parse(str(name))
        assert name.spelled_like([name]) == name
    for insecure in (False, True):
        try:
            reference = Reference.parse(text, insecure=insecure)
        except (InvalidName, CloudModel, InsecureProtocol):
            continue
        assert origin(reference.url("manifests", reference.name.tag))
        assert reference.owns(reference.url())
