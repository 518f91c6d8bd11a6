"""What can go wrong with a document; `code` is stable and shown to programs.

IngestError
├── UnsupportedType    unsupported_type    no loader for such content
├── EmptyDocument      empty               no bytes, or no text in them
├── UnreadableFile     unreadable          damaged, truncated, or not what it says
├── PasswordProtected  password_protected  encrypted, no usable password
├── FileTooLarge       too_large           over RAGSTONE_MAX_UPLOAD_MB
├── ParsingTimedOut    parsing_timeout     over RAGSTONE_PARSE_SECONDS
└── IngestCancelled    cancelled           somebody cancelled the job or removed the document
"""


class IngestError(Exception):
    """A document that cannot be ingested; the message is a sentence for a person."""

    code = "ingest_failed"


class UnsupportedType(IngestError):
    """There is no loader for such content."""

    code = "unsupported_type"


class EmptyDocument(IngestError):
    """No bytes, or no text in them."""

    code = "empty"


class UnreadableFile(IngestError):
    """Damaged, truncated, or not what it says it is."""

    code = "unreadable"


class PasswordProtected(IngestError):
    """Encrypted, and no usable password was given."""

    code = "password_protected"


class FileTooLarge(IngestError):
    """Over the upload limit."""

    code = "too_large"


class ParsingTimedOut(IngestError):
    """Reading took longer than allowed."""

    code = "parsing_timeout"


class IngestCancelled(IngestError):
    """Somebody cancelled the job or removed the document."""

    code = "cancelled"
