"""Conditions run no code, and none of them takes long, whatever they say and whatever text they meet."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from caseconnect.sdk.conditions import Condition, Records
from caseconnect.sdk.testing.story import sample_order

EVIL = """
(a+)+$ ([a-zA-Z]+)*$ (a|aa)+$ (a|a?)+$ (.*a){12}$ ^(a*)*$ (a+){10}$ ((a+)b?)+$ (x+x+)+y (a*)*b
^(([a-z])+.)+[A-Z]([a-z])+$ ([^@]+@)+$ (\\\\w+\\\\s?)+$ (a?){25}a{25}
(ab|a|b)*c (.+)+x (a.?)*b$ ^(.*)*$ (0|1|a)+b ((a*)+)+b (\\\\d|a)+$ (a{1,9})+b
(?:a+)+b (?i)(A+)+b (aaa|aa)+b (a+|b+)*c (.|a)+b ([a-f]+)*z (a*a*a*a*a*a*)b a*a*a*a*a*a*a*a*b (a|b|ab)*$z
"""


@pytest.mark.parametrize("pattern", EVIL.split())
def test_no_pattern_takes_long(pattern: str) -> None:
    """RE2 looks at each character once: 100 ms are far too much for it, and Python's own would need years."""
    condition = Condition(f"order.note.matches('{pattern}')")
    records = Records(now=datetime(2026, 11, 22, tzinfo=UTC), order=sample_order(note="a" * 5000 + "!"))
    condition.holds(records)
    began = time.process_time()
    condition.holds(records)
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('id')",
        "order.__class__.__mro__",
        "().__class__.__bases__[0].__subclasses__()",
        "''.format(order)",
        "order['__init__']",
        "eval('1')",
        "open('/etc/passwd').read()",
        "{{7*7}} == 49",
        "${7*7}",
        "lambda: 1",
        "import os",
        "[x for x in order]",
        "order.note.constructor('x')",
        "this.constructor",
        "globals()",
        "now.__globals__",
    ],
)
def test_nothing_but_conditions_is_a_condition(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Condition(text)


@pytest.mark.parametrize("note", ["{{ 7 * 7 }}", "true || true", "') || true || ('", "${jndi:ldap://x}", "\x00"])
def test_text_of_people_is_never_a_part_of_a_condition(note: str) -> None:
    records = Records(now=datetime(2026, 11, 22, tzinfo=UTC), order=sample_order(note=note))
    assert Condition("order.note == 'x'").holds(records) is False
