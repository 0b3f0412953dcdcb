"""The YAML that tenant files are written in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from caseconnect.host.tenants.document import MAX_BYTES, Document, read_document
from caseconnect.host.tenants.problems import Report


def parsed(text: str | bytes) -> tuple[Document, Report]:
    report = Report("f.yaml")
    return read_document(text if isinstance(text, bytes) else text.encode(), report), report


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on: [shop]", {"on": ["shop"]}),
        ("no: yes", {"no": "yes"}),
        ("a: off", {"a": "off"}),
        ("a: true", {"a": True}),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: 010", {"a": "010"}),
        ("a: 12:30:00", {"a": "12:30:00"}),
        ("a: 2026-11-01", {"a": "2026-11-01"}),
        ("a: 2026-11-01T00:00:00Z", {"a": "2026-11-01T00:00:00Z"}),
        ("a: -17", {"a": -17}),
        ("a: 9007199254740993", {"a": 9007199254740993}),
        ("a: 0x1F", {"a": "0x1F"}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: .inf", {"a": ".inf"}),
        ("a: '5'", {"a": "5"}),
        ("5: five", {"5": "five"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
    ],
)
def test_scalars_mean_what_they_look_like(text: str, value: Any) -> None:
    document, report = parsed(text)
    assert document.data == value
    assert not report.problems


def test_a_number_with_a_point_is_exact() -> None:
    document, _ = parsed("a: 500.10\nb: 1.5e2")
    assert document.data == {"a": Decimal("500.10"), "b": Decimal(150)}
    assert isinstance(document.data["a"], Decimal)


def test_every_key_path_has_its_line() -> None:
    document, _ = parsed("a:\n  b:\n    - x\n    - c: 1\n\n      d: 2\ne: {f: 3,\n  g: 4}\n")
    assert document.lines == {
        (): 1,
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "b", 0): 3,
        ("a", "b", 1): 4,
        ("a", "b", 1, "c"): 4,
        ("a", "b", 1, "d"): 6,
        ("e",): 7,
        ("e", "f"): 7,
        ("e", "g"): 8,
    }


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: 2\na: 3", 3, "written twice, first in line 1"),
        ("a: {x: 1}\nb:\n  <<: {x: 2}", 3, "merge keys"),
        ("a: 1\n? [x]\n: 2", 2, "a key must be a word"),
        ("a: !secret x", 1, "the tag !secret is not supported"),
        ("a: 1\nb: [1, 2", 2, "not valid YAML"),
        ("a: 1\n\tb: 2", 2, "not valid YAML"),
        ("a: 1\n  b: 2", 2, "mapping values are not allowed here"),
        ("a: *nobody", 1, "undefined alias"),
        ("---\na: 1\n---\nb: 2", 3, "but found another document"),
        ("a: 1\nb: \x07", 0, "does not allow"),
        ("a: " + "9" * 5000, 1, "the number is too long"),
        ("", 0, "the file is empty"),
        ("# only a comment\n", 0, "the file is empty"),
        (b"a: 1\nb: \xff\xfe", 2, "not UTF-8"),
        ("a: &x [*x]", 1, "an alias must not hold itself"),
        (b"#" * (MAX_BYTES + 1), 0, "longer than 256 KiB"),
        ("[" * 100_000, 1, "nested deeper than"),
        ("a: " + "{b: " * 30 + "1" + "}" * 30, 1, "nested deeper than"),
    ],
)
def test_refused_with_the_line(text: str | bytes, line: int, said: str) -> None:
    _, report = parsed(text)
    assert len(report.problems) == 1
    assert said in report.problems[0].message
    assert report.problems[0].line == line


def test_a_tag_is_never_obeyed() -> None:
    document, report = parsed("a: 1\nb: !!python/object/apply:os.system [ls]\nc: !!python/name:os.system x")
    assert document.data["b"] == ["ls"]
    assert "is not supported" in report.problems[0].message


def test_aliases_cannot_blow_up() -> None:
    levels = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]
    _, report = parsed("\n".join(levels))
    assert "aliases make the file too large" in report.problems[0].message


def test_a_syntax_error_does_not_quote_the_file() -> None:
    _, report = parsed("password: hunter2: oops\n")
    assert "hunter2" not in str(report.problems[0])
