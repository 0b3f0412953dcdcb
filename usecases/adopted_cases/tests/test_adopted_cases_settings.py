"""Which shop and order a case names, and what settings are refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from caseconnect.models import Case
from caseconnect_adopted_cases.settings import AdoptedCasesSettings


def case(**attributes: str) -> Case:
    return Case(id="1", attributes=attributes)


@pytest.mark.parametrize(
    ("shops", "said", "meant"),
    [
        ({"Web": "shop"}, " WEB ", "shop"),
        ({"Web": "shop"}, "", "shop"),
        ({"Web": "shop", "Mail": "shop"}, "", "shop"),
        ({"Web": "shop", "EU": "europe"}, "", None),
        ({"Web": "shop"}, "Store", None),
    ],
)
def test_the_shop_that_a_case_names(shops: dict[str, str], said: str, meant: str | None) -> None:
    assert AdoptedCasesSettings(shops=shops).shop_of(case(shop=said)) == meant


def test_the_number_is_taken_as_people_write_it() -> None:
    settings = AdoptedCasesSettings(shops={"Web": "shop"}, number_in="order")
    assert [settings.number_of(case(order=text)) for text in (" #1001 ", "", "#")] == ["1001", "", ""]
    assert settings.number_of(case()) == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"shops": {}},
        {"shops": {"a": "b"}, "decisions": True},
        {"shops": {"a": "b"}, "outcomes": {"approved": ["refund"]}},
        {"shops": {"a": "b"}, "decisions": True, "outcomes": {"approved": ["release"]}},
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AdoptedCasesSettings.model_validate(wrong)
