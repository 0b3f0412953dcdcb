from __future__ import annotations

import json

import pytest

from caseconnect.host.faults import kind_and_place


def test_a_place_within_the_standard_library_is_told_by_who_called_it() -> None:
    with pytest.raises(ValueError, match="Expecting") as caught:
        json.loads("{")
    assert kind_and_place(caught.value).startswith(f"JSONDecodeError at {__name__}:")
