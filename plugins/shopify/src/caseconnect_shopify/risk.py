"""Our own assessment of an order's risk, by `orderRiskAssessmentCreate`: the newest of an app counts."""

from __future__ import annotations

from typing import Any, Final

from caseconnect.sdk.commands import AssessRisk
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect_shopify import sink_queries as queries
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.reading import absent
from caseconnect_shopify.targets import order_gid
from caseconnect_shopify.writing import Writer

_SENTIMENT: Final = {"none": "NEUTRAL", "low": "POSITIVE", "medium": "NEGATIVE", "high": "NEGATIVE"}


class Risks:
    """Risk assessments by this app."""

    def __init__(self, client: ShopifyClient) -> None:
        self._client = client

    async def assess(self, command: AssessRisk, key: str) -> Outcome:
        """Say how risky the order is. Shopify refuses it once everything is shipped."""
        if (await self.is_assessed(command, key)).seen:
            return Outcome(state="done", note="it was so already")
        facts = [{"description": text, "sentiment": _SENTIMENT[command.level]} for text in command.facts]
        wanted = {"orderId": order_gid(command), "riskLevel": command.level.upper(), "facts": facts}
        writer = Writer(self._client)
        problems = await writer.send(queries.ASSESS_RISK, {"assessment": wanted})
        if problems:
            return writer.refusal([p["message"] for p in problems])
        return Outcome(state="done")

    async def is_assessed(self, command: AssessRisk, key: str) -> Sighting:
        """Whether our newest assessment says so."""
        gid = order_gid(command)
        data = await self._client.run(queries.RISK, {"id": gid})
        if not data["order"]:
            raise absent("order", gid)
        own = ((data.get("currentAppInstallation") or {}).get("app") or {}).get("id")
        assessments: list[dict[str, Any]] = (data["order"].get("risk") or {}).get("assessments") or []
        ours = [a for a in assessments if own and (a.get("provider") or {}).get("id") == own]
        if not ours:
            return Sighting(seen=False)
        facts = {f.get("description") for f in ours[-1].get("facts") or ()}
        return Sighting(seen=ours[-1].get("riskLevel") == command.level.upper() and facts == set(command.facts))
