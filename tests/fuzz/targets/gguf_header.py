"""Any bytes are a header whose tensors lie in the file, fit to be shown, or InvalidModel."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from backend.answers.options import LoadOptions
from backend.answers.requests import ShowRequest
from backend.errors import InvalidModel
from backend.models import gguf
from backend.models.config import config_of, details
from backend.models.library import OpenModel
from backend.models.manifests import Layer
from backend.models.names import ModelName
from backend.models.show import shown_model
from backend.models.store import ModelContent, StoredModel
from backend.settings import BackendSettings
from backend.web.wire import dump
from tests.backend.gguf_files import TINY, gguf_bytes
from tests.fuzz.mutations import near

_SOUND = [
    gguf_bytes(),
    gguf_bytes({**TINY, "general.alignment": 64, "llama.attention.head_count": 4,
                "llama.rope.freq_base": 1e4, "llama.pooling_type": 1}),
    gguf_bytes({"general.architecture": "clip", "clip.vision.block_count": 2}),
    gguf_bytes({"general.architecture": "gemma3", "gemma3.block_count": 2,
                "gemma3.attention.sliding_window": 16, "gemma3.attention.key_length": 8},
               [("blk.0.attn_k.weight", (32, 8), 2, 0), ("token_embd.weight", (32, 16), 8, 256)],
               data=2048),
]  # fmt: skip
_FILE = Path(tempfile.mkstemp(suffix=".gguf")[1])
_SETTINGS = BackendSettings(models=_FILE.parent, host="127.0.0.1:0")
_LAYER = Layer.of("model", "sha256:" + "0" * 64, 1)
CASES = near(_SOUND)


def check(raw: bytes) -> None:
    """Read, and do with the header all that is done with one."""
    _FILE.write_bytes(raw)
    try:
        header = gguf.read(_FILE)
        whole = gguf.read(_FILE, long_arrays=True)
    except InvalidModel:
        return
    assert whole.tensors == header.tensors
    for tensor in header.tensors:
        end = header.data_start + tensor.offset + tensor.size
        assert 0 <= header.data_start <= end <= max(len(raw), header.data_start), tensor
    config = config_of(header)
    now = datetime.now(UTC)
    stored = StoredModel(ModelName.parse("m"), "0" * 64, now, config, 1, (_LAYER,))
    model = OpenModel("m", stored, ModelContent(_FILE), header)
    for embedding in (False, True):
        spec = model.runner_spec(LoadOptions(), _SETTINGS, embedding=embedding)
        assert spec.memory.total >= 0
        assert 0 < spec.load.num_ctx <= 1 << 24
    for verbose in (False, True):
        dump(shown_model(model, ShowRequest(verbose=verbose)))
    dump(details(config))
