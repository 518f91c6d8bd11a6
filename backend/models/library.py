"""A stored model opened for use: its texts, its checked header, and what it can do."""

from dataclasses import dataclass, replace
from pathlib import Path

from backend.answers.options import LoadOptions, effective_batch, effective_context
from backend.engine.memory import estimate, file_size
from backend.engine.runner import RunnerKey, RunnerSpec
from backend.engine.threads import default_threads
from backend.errors import CloudModel, InvalidModel, ModelNotFound
from backend.models import gguf
from backend.models.names import to_run
from backend.models.store import ModelContent, ModelStore, StoredModel
from backend.prompts.abilities import abilities
from backend.settings import BackendSettings

MAX_HEADERS = 64
"""So many are kept, the longest kept goes first; a header may have megabytes, a folder hundreds."""


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model that a request named as `asked`; its header has passed every check."""

    asked: str
    stored: StoredModel
    content: ModelContent
    header: gguf.GGUF

    @property
    def template(self) -> str | None:
        """The Go TEMPLATE layer, else the file's own Jinja, else None."""
        return self.content.template or self.header.chat_template

    @property
    def embeds_only(self) -> bool:
        """Whether the weights name a pooling, as those of pure embedding models do."""
        return self.header.integer("pooling_type") is not None

    @property
    def infill_tokens(self) -> tuple[int, int, int] | None:
        """The tokens around prefix, suffix and gap, of weights trained to fill in the middle."""
        found = [
            self.header.metadata.get(f"tokenizer.ggml.fim_{part}_token_id")
            for part in ("pre", "suf", "mid")
        ]
        numbers = tuple(token for token in found if isinstance(token, int))
        return (numbers[0], numbers[1], numbers[2]) if len(numbers) == len(found) else None

    @property
    def bos(self) -> int | None:
        """The token that every text of this model begins with, where its file names one."""
        token = self.header.metadata.get("tokenizer.ggml.bos_token_id")
        return token if isinstance(token, int) else None

    @property
    def capabilities(self) -> list[str]:
        """What `/api/show` lists: completion or embedding, tools, insert, thinking, vision."""
        found = ["embedding" if self.embeds_only else "completion"]
        found += abilities(self.content.template, self.header.chat_template)
        if self.template is None and self.infill_tokens is not None:
            found.append("insert")
        if self.content.projectors or self.header.integer("vision.block_count"):
            found.append("vision")
        declared = self.stored.config.get("capabilities")
        more = declared if isinstance(declared, list) else []
        return list(dict.fromkeys([*found, *(one for one in more if isinstance(one, str))]))

    def runner_spec(
        self, load: LoadOptions, settings: BackendSettings, *, embedding: bool = False
    ) -> RunnerSpec:
        """How to start a runner for this model, num_ctx clipped to the trained length."""
        embedding = embedding or self.embeds_only
        projector = None if embedding else next(iter(self.content.projectors), None)
        context = effective_context(
            load.num_ctx,
            settings.default_context,
            self.header.integer("context_length"),
            vision=projector is not None,
        )
        fitted = LoadOptions(
            num_ctx=context,
            num_batch=effective_batch(
                load.num_batch, context, whole_input=embedding or projector is not None
            ),
            num_gpu=load.num_gpu,
            main_gpu=load.main_gpu,
            num_thread=max(load.num_thread, 0) or settings.num_thread or default_threads(),
            use_mmap=load.use_mmap,
        )
        spec = RunnerSpec(
            key=RunnerKey(self.content.weights, embedding),
            load=fitted,
            parallel=1 if embedding else settings.num_parallel,
            default_pooling=embedding and not self.embeds_only,
            adapters=self.content.adapters,
            projector=projector,
            flash_attention=settings.attention,
            kv_type=settings.kv_type,
        )
        extra = sum(map(file_size, (*spec.adapters, *filter(None, [projector]))))
        return replace(spec, memory=estimate(self.header, spec, extra))


class Library:
    """Opens models of a store; headers are read once for each state of a file."""

    def __init__(self, store: ModelStore) -> None:
        self.store = store
        self._headers: dict[tuple[Path, int, int], gguf.GGUF] = {}
        self._abilities: dict[str, list[str]] = {}

    def open(self, asked: str) -> OpenModel:
        """The model of that name; raises InvalidName, CloudModel, ModelNotFound or InvalidModel."""
        name = to_run(asked)
        try:
            stored = self.store.get(name)
        except ModelNotFound as error:
            raise ModelNotFound(f"model '{asked}' not found") from error
        if stored.config.get("remote_host"):
            raise CloudModel(f"{name} is a cloud model; this server runs local models only")
        return self._opened(asked, stored)

    def capabilities(self, stored: StoredModel) -> list[str]:
        """What a stored model can do, as far as its files can be read; kept for each manifest."""
        if stored.digest not in self._abilities:
            try:
                self._abilities[stored.digest] = self._opened("", stored).capabilities
            except InvalidModel:
                return []
        return self._abilities[stored.digest]

    def _opened(self, asked: str, stored: StoredModel) -> OpenModel:
        content = self.store.content(stored)
        for path in (*content.adapters, *content.projectors):
            self._header(path)  # these too reach native code, so these too are checked first
        return OpenModel(asked, stored, content, self._header(content.weights))

    def _header(self, path: Path) -> gguf.GGUF:
        try:
            seen = path.stat()
        except OSError as error:
            raise InvalidModel("the weights of the model are missing; place it again") from error
        key = (path, seen.st_size, seen.st_mtime_ns)
        if key not in self._headers:
            header = gguf.read(path)
            if len(self._headers) >= MAX_HEADERS:
                del self._headers[next(iter(self._headers))]
            self._headers[key] = header
        return self._headers[key]
