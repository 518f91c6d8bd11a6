"""Page cursors: the place of the last row seen, opaque to callers."""

import base64
import binascii
from datetime import UTC, datetime

from storage.errors import InvalidCursor


def encode_cursor(created_at: datetime, row_id: str) -> str:
    """Return the cursor that continues after this row."""
    place = f"{created_at.astimezone(UTC).isoformat()}|{row_id}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[datetime, str]:
    """Return time and id of the row to continue after. Raises InvalidCursor."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        place = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        moment, _, row_id = place.partition("|")
        return datetime.fromisoformat(moment).astimezone(UTC), row_id
    except (binascii.Error, UnicodeError, ValueError, OverflowError) as error:
        raise InvalidCursor(
            "The cursor is not one that this list gave out: leave it away to start from the top."
        ) from error
