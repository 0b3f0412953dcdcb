"""What Shopify's answers say: costs, the errors on top of an answer, and why no token was given. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from caseconnect.sdk.http import Response
from caseconnect_shopify.words import masked

_SCOPES: Final = re.compile(r"\b(?:read|write)_[a-z_]+\b")
_WORD: Final = re.compile(r"^[a-z_]{3,40}$")
_NOT_EXECUTED: Final = frozenset(
    {
        # Neither this call nor the one before it with the same key, as Shopify says: it wants another key.
        "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED",
        "ACCESS_DENIED",
        "BAD_REQUEST",
        "CURRENCY_CODE_INVALID",
        "INVALID",
        "INVALID_CURSOR",
        "INVALID_FIELD_ARGUMENTS",
        "INVALID_VARIABLE",
        "MAX_COST_EXCEEDED",
        "MAX_INPUT_SIZE_EXCEEDED",
        "NOT_FOUND",
        "PARSE_ERROR",
        "RESOURCE_NOT_FOUND",
    }
)
_KEY_IN_DOUBT: Final = frozenset({"IDEMPOTENCY_CONCURRENT_REQUEST", "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"})
"""This call did nothing, but one before it with the same key may have: never 'surely without effect'."""

_TOKEN_HINTS: Final = {
    "invalid_client": "client_id or client_secret is wrong: compare them with the app's page in the Dev Dashboard",
    "app_not_installed": "the app is not installed in this shop: install it",
    "shop_not_permitted": "the shop is not in the organization that owns the app; client credentials need that",
}


@dataclass(frozen=True)
class Cost:
    """`extensions.cost` of an answer, in points."""

    requested: float | None = None
    actual: float | None = None
    available: float | None = None
    maximum: float | None = None
    rate: float | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Cost:
        """What an answer says of it; nothing where it says nothing."""
        cost = _mapping(_mapping(answer.get("extensions")).get("cost"))
        status = _mapping(cost.get("throttleStatus"))
        return cls(
            _number(cost.get("requestedQueryCost")),
            _number(cost.get("actualQueryCost")),
            _number(status.get("currentlyAvailable")),
            _number(status.get("maximumAvailable")),
            _number(status.get("restoreRate")) or None,
        )

    def wait(self) -> float | None:
        """Seconds until the bucket holds what was asked for; None if Shopify did not say."""
        if self.requested is None or self.available is None or self.rate is None:
            return None
        return min(max((self.requested - self.available) / self.rate, 0.0), 3600.0)


@dataclass(frozen=True)
class Problem:
    """One entry of the top-level `errors`."""

    code: str
    message: str
    scopes: tuple[str, ...] = ()
    path: tuple[Any, ...] = ()

    def surely_without_effect(self, executed: bool) -> bool:
        """Known to be refused before anything ran; an answer without `data` was not executed (GraphQL spec §7.1)."""
        if self.code in _NOT_EXECUTED:
            return True
        if self.code in _KEY_IN_DOUBT:
            return False
        return not executed and bool(self.code) and self.code not in {"INTERNAL_SERVER_ERROR", "TIMEOUT"}

    def text(self) -> str:
        """For people: the missing scope when it is one, else Shopify's words."""
        if self.scopes:
            return f"the app lacks an access scope, one of: {', '.join(self.scopes)}. Grant it and install the app anew"
        return self.message or self.code


def problems_of(errors: Any, sent: Mapping[str, Any]) -> list[Problem]:
    """The top-level errors, without personal data and without what was `sent`."""
    if isinstance(errors, str):
        return [Problem("", masked(errors, sent))]
    if not isinstance(errors, list):
        return []
    found = []
    for error in errors:
        entry = _mapping(error)
        extensions = _mapping(entry.get("extensions"))
        code = str(extensions.get("code") or "")
        message = str(entry.get("message") or error)
        if message.startswith("This app is not approved"):
            code = "ACCESS_DENIED"
        elif message.startswith("Invalid cursor"):
            code = "INVALID_CURSOR"
        scopes = _SCOPES.findall(f"{extensions.get('requiredAccess', '')} {message}") if code == "ACCESS_DENIED" else []
        path = entry.get("path")
        where = tuple(path) if isinstance(path, list) else ()
        found.append(Problem(code, masked(message, sent), tuple(dict.fromkeys(scopes)), where))
    return found


def only_withheld(problem: Problem, data: Mapping[str, Any]) -> bool:
    """A single field below an answered root was withheld: the rest is good."""
    return problem.code == "ACCESS_DENIED" and len(problem.path) > 1 and data.get(str(problem.path[0])) is not None


def search_warnings(answer: Mapping[str, Any]) -> str:
    """Which parts of a search Shopify did not understand and so ignored."""
    searches = _mapping(answer.get("extensions")).get("search")
    found = (
        [w for s in searches if isinstance(s, dict) for w in s.get("warnings") or ()]
        if isinstance(searches, list)
        else []
    )
    return "; ".join(str(_mapping(w).get("field") or _mapping(w).get("code") or "?") for w in found)


def token_refusal(response: Response, answer: Any) -> str:
    """Why no token was given, and what to do."""
    said = str(_mapping(answer).get("error") or "")
    if said not in _TOKEN_HINTS:
        known = next((k for k in _TOKEN_HINTS if k.encode() in response.body), "")
        said = known or (said if _WORD.match(said) else "")
    hint = _TOKEN_HINTS.get(said, "check `shop`, client_id and client_secret")
    return f"Shopify refused the credentials (HTTP {response.status}{', ' + said if said else ''}): {hint}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
