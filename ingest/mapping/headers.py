"""Headers and words in the normal form in which they are compared."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"  # stripped with the spaces: they make two of one id


@lru_cache(maxsize=1 << 16)  # JSON repeats its names in every record
def normalise_name(name: str) -> str:
    """A header or a word as it is compared: composed, without invisible marks, runs of blanks as one space."""
    visible = unicodedata.normalize("NFC", name).translate(dict.fromkeys(map(ord, INVISIBLE)))
    return " ".join(visible.split())
