"""Strategies that several targets share: bytes near to sound ones, and texts of likely pieces."""

import struct
from collections.abc import Sequence

from hypothesis import strategies as st

NUMBERS = (0, 1, 2, 31, 32, 255, 2**15, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**60,
           2**62, 2**63 - 1, 2**63, 2**64 - 32, 2**64 - 1)  # fmt: skip


@st.composite
def near(draw: st.DrawFn, sound: Sequence[bytes]) -> bytes:
    """One of these with some bytes flipped, cut out, repeated, or made lengths that lie."""
    raw = bytearray(draw(st.sampled_from(sound)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, max(len(raw) - 1, 0)))
        match draw(st.integers(0, 6)):
            case 0:
                raw[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case 1:
                raw[at : at + 8] = struct.pack("<Q", draw(st.sampled_from(NUMBERS)))
            case 2:
                raw[at : at + 4] = struct.pack("<I", draw(st.sampled_from(NUMBERS)) & 0xFFFFFFFF)
            case 3:
                del raw[at:]
            case 4:
                raw[at:at] = draw(st.binary(max_size=40))
            case 5:
                length = draw(st.integers(1, 64))
                raw[at:at] = raw[at : at + length] * draw(st.integers(1, 3))
            case 6:
                del raw[at : at + draw(st.integers(1, 64))]
    return bytes(raw)


def pieced(pieces: Sequence[str], most: int = 30) -> st.SearchStrategy[str]:
    """Texts of these pieces in any order, with other text between them."""
    other = st.text(max_size=5) | st.sampled_from(["\0", "\n", "\r", "\ud800", "\ufeff", "é", " "])
    piece = st.sampled_from(list(pieces)) | st.sampled_from(list(pieces)) | other
    return st.lists(piece, max_size=most).map("".join)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(NUMBERS)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["", "x", "tiny", "json", "user", "\0", "-1", "0", "true"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip
