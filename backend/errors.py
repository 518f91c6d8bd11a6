"""What can go wrong in the backend: one family, each named by its meaning.

The sentence of an error is what a client reads in `{"error": "..."}`; the HTTP status stands
in `backend/web/http_errors.py`, in one table, so that no other file knows the web.
"""


class BackendError(Exception):
    """The root: its text is a sentence for the client."""


class BadRequest(BackendError):
    """The request's JSON is missing, malformed, or contradicts itself."""


class InvalidName(BackendError):
    """A model name that breaks the rules of `names.py`; it never reaches the disk."""


class ModelNotFound(BackendError):
    """A well-formed name with no manifest behind it."""


class InvalidModel(BackendError):
    """A manifest, layer or GGUF file that cannot be trusted or read."""


class InvalidDigest(BackendError):
    """A digest that is not `sha256:<64 hex>`; it never becomes a path."""


class DigestMismatch(BackendError):
    """Content whose sha256 is not the one it was announced with."""


class StoreFailed(BackendError):
    """The models' folder refused a write, e.g. as its disk is full."""


class InvalidModelfile(BackendError):
    """A Modelfile that breaks its grammar; the sentence names the line where it can."""


class CloudModel(BackendError):
    """A name that asks for a model of a cloud; this server has only local ones."""


class CloudDisabled(BackendError):
    """A service of ollama.com was asked for; this server never goes there."""


class NotSignedIn(BackendError):
    """A question about an account of ollama.com; there is none here."""


class InvalidOption(BackendError):
    """An entry of `options` with the wrong JSON type."""


class TemplateError(BackendError):
    """A Go template that is malformed, fails, or does more than its limits allow."""


class ContextExceeded(BackendError):
    """The prompt does not fit the context and may not be cut."""


class ServerBusy(BackendError):
    """The queue of waiting requests is full (OLLAMA_MAX_QUEUE)."""


class LoadFailed(BackendError):
    """A runner did not become ready; the text carries its last error line."""


class NotEnoughMemory(LoadFailed):
    """The model would need more memory than there is, even with every idle one unloaded."""


class RunnerCrashed(BackendError):
    """The child process went away while it was answering."""


class RunnerRejected(BackendError):
    """The engine refused the request (its 4xx), e.g. a schema it cannot compile."""


class RegistryError(BackendError):
    """A registry refused, failed, or said what cannot be trusted."""


class InsecureProtocol(RegistryError):
    """A name that asks for plain HTTP in a request that does not allow it."""


class RepetitionStopped(BackendError):
    """The reply repeated one piece of text so often that it was ended."""
