"""Shopify's own words in notes and errors: people read them in alerts and in the comments of cases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from caseconnect.sdk.texts import leaves, mask, shorten

_GID: Final = re.compile(r"(gid://shopify/\w+/\d+)")


def masked(message: Any, sent: Mapping[str, Any]) -> str:
    """One short line without personal data and without the texts that we sent; Shopify's ids stay readable."""
    texts = list(leaves(sent))
    pieces = _GID.split(str(message))  # every second one is an id
    return shorten("".join(piece if i % 2 else mask(piece, texts) for i, piece in enumerate(pieces)))
