"""An amount with its currency. Amounts are Decimal: never a float, never compared as text."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints

from caseconnect.models.base import Record

_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""Minor units of ISO 4217, where they are not two."""


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError("money must not pass through a float: give a string or a Decimal")
    return value


class Money(Record):
    """An exact amount in one currency (ISO 4217 code)."""

    amount: Annotated[Decimal, BeforeValidator(_exact), Field(allow_inf_nan=False)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

    @property
    def unit(self) -> Decimal:
        """The smallest unit of its currency: 0.01 of EUR, 1 of JPY."""
        return Decimal(1).scaleb(-_DIGITS.get(self.currency, 2))

    def __str__(self) -> str:
        """With the currency's usual digits, and more only where the amount has them: '20.00 USD', '20 JPY'."""
        digits = -_DIGITS.get(self.currency, 2)
        plain = self.amount.normalize()
        places = min(int(plain.as_tuple().exponent), digits)
        return f"{plain.quantize(Decimal(1).scaleb(places)):f} {self.currency}"

    def __add__(self, other: Money) -> Money:
        return Money(amount=self.amount + self._same(other).amount, currency=self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(amount=self.amount - self._same(other).amount, currency=self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other).amount

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other).amount

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._same(other).amount

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._same(other).amount

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and (self.amount, self.currency) == (other.amount, other.currency)

    def __hash__(self) -> int:
        return hash((self.amount, self.currency))

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot combine {self.currency} with {other.currency}: convert by a stated rate first")
        return other
