"""Any bytes are a manifest of real digests and possible sizes, or InvalidModel."""

import json
import re

from hypothesis import strategies as st

from backend.errors import InvalidModel
from backend.models.manifests import build, parse
from tests.fuzz.mutations import JSON, NUMBERS, near

_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_LAYER = {"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:" + "0" * 64,
          "size": 1, "from": "tiny", "name": "x"}  # fmt: skip
_SOUND = json.dumps({"schemaVersion": 2, "config": _LAYER, "layers": [_LAYER, _LAYER]}).encode()
_digests = st.sampled_from(["sha256:" + "a" * 64, "sha256-" + "B" * 64, "sha256:../..", ""])
_layers = st.fixed_dictionaries(
    {},
    optional={
        "mediaType": st.sampled_from(list(_LAYER.values())) | JSON,
        "digest": _digests | JSON,
        "size": st.sampled_from(NUMBERS) | JSON,
        "from": JSON,
    },
)
_made = st.fixed_dictionaries(
    {}, optional={"config": _layers | JSON, "layers": st.lists(_layers | JSON, max_size=4) | JSON}
)
CASES = near([_SOUND]) | _made.map(lambda value: json.dumps(value).encode())


def check(raw: bytes) -> None:
    """Parse, and write again."""
    try:
        read = parse(raw)
    except InvalidModel:
        return
    for layer in (read.config, *read.layers):
        assert _DIGEST.fullmatch(layer.digest)
        assert 0 <= layer.size < 1 << 63
    again = parse(build(read.config, read.layers))
    assert (again.config, again.layers) == (read.config, read.layers)
