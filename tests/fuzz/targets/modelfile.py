"""Any bytes are a Modelfile that prints so as to read the same again, or one error of its own."""

from hypothesis import strategies as st

from backend.errors import InvalidModelfile
from backend.models.modelfile import parse
from tests.fuzz.mutations import near, pieced

_PIECES = ("FROM ", "from x\n", "PARAMETER ", "stop ", "MESSAGE ", "user ", "TEMPLATE ", "LICENSE ",
           "SYSTEM ", '"""', '"', "\n", "\r\n", "\t", "# no", "ADAPTER ./a\n", "REQUIRES 1.0\n",
           "\u2028", "''", "\x7f", "{{ .Prompt }}")  # fmt: skip
_SOUND = b'FROM x\nPARAMETER stop "a b"\nSYSTEM """two\nlines"""\nMESSAGE user hello\nLICENSE "x"\n'
CASES = (
    near([_SOUND, _SOUND.decode().encode("utf-16"), b"\xef\xbb\xbf" + _SOUND])
    | pieced(_PIECES).map(lambda text: f"FROM x\n{text}".encode("utf-8", "surrogatepass"))
    | st.binary(max_size=200)
)


def check(raw: bytes) -> None:
    """Parse, print, parse."""
    try:
        read = parse(raw)
    except InvalidModelfile:
        return
    assert parse(str(read).encode()) == read
