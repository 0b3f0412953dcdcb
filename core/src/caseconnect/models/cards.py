"""Numbers of payment cards in text that people write: found by range, length and check digit, and taken out.

Ranges and lengths of the card networks as ISO/IEC 7812 assigns them; the check digit is Luhn's. A number may be written
in groups. One in a single group that follows a letter, `_`, `/` or `#` is a part of an id or an address, and stays.
"""

from __future__ import annotations

import re
from bisect import bisect_right

_RUN = re.compile(r"\d(?<!\d\d)(?:[\s\u00ad\u200b\u2010-\u2015\u2212._/*|:~-]{0,3}\d){11,}(?![^\W_])")
_GROUP = re.compile(r"\d+")
_CODE = re.compile(
    r"((?<!\w)(?:cvv2?|cvc2?|cvn|cid|card (?:verification|security) (?:code|value|number)|security code)\b\D{0,12}?)"
    r"\d{3,4}(?!\d)",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d\D{0,3}\d\D{0,3}\d")
_CODE_NAMES = re.compile("cv|cid|code|card", re.IGNORECASE)
_ID_BEFORE = re.compile(r"[^\W\d]|[/#_]")

_SHORTEST = 14
_LONGEST_RUN = 2000  # characters; no person writes so many digits, and to search them all takes long

# First six digits from, to, and the lengths there.
_RANGES: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (0, -1, ()),
    (220000, 220499, (16,)),
    (222100, 272099, (16,)),
    (300000, 305999, (14,)),
    (309500, 309599, (14,)),
    (340000, 349999, (15,)),
    (352800, 358999, (16, 19)),
    (360000, 369999, (14,)),
    (370000, 379999, (15,)),
    (380000, 399999, (14, 16)),
    (400000, 509999, (16, 19)),
    (510000, 559999, (16,)),
    (560000, 589999, (16, 19)),
    (600000, 639999, (16, 19)),
    (644000, 659999, (16, 19)),
    (670000, 679999, (16, 19)),
    (810000, 817199, (16, 19)),
)
_BEGINS = [begin for begin, _, _ in _RANGES]
_FIRST = frozenset("234568")
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def without_cards(text: str) -> str:
    """`text` with each card number as `[card …1234]`, and with the digits of a named card verification code gone."""
    if not _DIGITS.search(text):
        return text
    if len(text) >= _SHORTEST:
        text = _RUN.sub(_without, text)
    return _CODE.sub(r"\1***", text) if _CODE_NAMES.search(text) else text


def _lengths(digits: str, place: int) -> tuple[int, ...]:
    """How long a card number may be that begins at `place`."""
    if digits[place] not in _FIRST:
        return ()
    begin = int(digits[place : place + 6])
    _, end, lengths = _RANGES[bisect_right(_BEGINS, begin) - 1]
    return lengths if begin <= end else ()


def _luhn(digits: str, place: int, length: int) -> bool:
    values = [*map(int, digits[place : place + length])]
    return (sum(values[-1::-2]) + sum([_DOUBLED[value] for value in values[-2::-2]])) % 10 == 0


def _without(run: re.Match[str]) -> str:
    """A run of groups of digits: every row of whole groups that is a card number is taken out."""
    text = run[0]
    if len(text) > _LONGEST_RUN:
        return "[digits]"
    before = run.string[run.start() - 1 : run.start()]
    digits = "".join(str(int(one)) for one in text if one.isdecimal())
    places, ends = {}, {}  # where a group begins and ends in the text, by its place among the digits
    counted = 0
    for group in _GROUP.finditer(text):
        places[counted] = group.start()
        counted += len(group[0])
        ends[counted] = group.end()
    kept, at, after = [], 0, 0
    for place in places:
        if place < after:
            continue
        end = next((place + n for n in _lengths(digits, place) if place + n in ends and _luhn(digits, place, n)), 0)
        if not end or (not place and ends[end] == end and _ID_BEFORE.match(before)):
            continue
        kept += [text[at : places[place]], f"[card …{digits[end - 4 : end]}]"]
        at, after = ends[end], end
    return "".join([*kept, text[at:]])
