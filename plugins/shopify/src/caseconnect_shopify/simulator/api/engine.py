"""Answers one GraphQL request of one shop: validation, cost, scopes, execution, in Shopify's order and shapes."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphql import GraphQLSyntaxError, graphql_sync, parse
from graphql.language import ast

from . import mutations, types
from .cost import DOCUMENTATION, Bucket, Estimate, estimator
from .errors import Refused, entry
from .execute import Call, Plan
from .idempotency import fingerprint, reserve
from .schema import schema
from .validation import Checker
from .values import literal, variables

if TYPE_CHECKING:
    from caseconnect_shopify.simulator.world.shop import Shop

__all__ = ["Engine", "mutations", "types"]
MAX_PLANS = 500


@dataclass(frozen=True, slots=True)
class Prepared:
    """A parsed and validated document."""

    document: ast.DocumentNode
    operations: Mapping[str | None, ast.OperationDefinitionNode]
    estimates: Mapping[str | None, Estimate]
    introspects: bool


@lru_cache(maxsize=MAX_PLANS)
def prepare(text: str, version: str) -> Prepared:
    """Parses and validates a document under an API version; Refused with Shopify's errors when it does not fit."""
    try:
        document = parse(text)
    except GraphQLSyntaxError as error:
        at = error.locations[0] if error.locations else None
        where = f" at [{at.line}, {at.column}]" if at else ""
        found = {"message": f"syntax error, {error.message.removeprefix('Syntax Error: ')}{where}"}
        place = [{"line": at.line, "column": at.column}] if at else []
        raise Refused({**found, "locations": place, "extensions": {"code": "PARSE_ERROR"}}) from None
    errors = Checker(schema(version), document).check()
    if errors:
        raise Refused(*errors)
    operations = {
        d.name.value if d.name else None: d for d in document.definitions if isinstance(d, ast.OperationDefinitionNode)
    }
    estimates = {name: estimator(schema(version), document, o) for name, o in operations.items()}
    return Prepared(document, operations, estimates, bool(re.search(r"\b__(schema|type)\b", text)))


class Engine:
    """The API of one shop. `handle` returns the JSON body of an HTTP 200."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.bucket = Bucket(shop.restore_rate, shop.now)
        self.max_cost = shop.max_query_cost
        self._plans: OrderedDict[Any, Plan] = OrderedDict()

    def handle(
        self,
        text: str,
        given: Any,
        operation: str | None,
        who: str,
        version: str,
        *,
        base: str = "",
        resumes: bool = False,
    ) -> dict[str, Any]:
        """Executes a document for an app (`who`) under an API version; `resumes` one that was taken on earlier."""
        try:
            prepared = prepare(text, version)
            name, chosen = _choose(prepared, operation)
            if prepared.introspects:
                return _introspect(text, given, operation, version)
            values = variables(schema(version), chosen, given if isinstance(given, Mapping) else {})
            requested = prepared.estimates[name](values)
            self._admit(requested)
        except _Throttled as throttled:
            return throttled.answer
        except Refused as refused:
            return {"errors": refused.errors}
        call = Call(self.shop, who, values, version, base=base, resumes=resumes)
        data = self._plan(text, name, prepared, chosen, version).run(call)
        mutation = chosen.operation is ast.OperationType.MUTATION
        actual = requested if mutation else min(requested, max(call.objects - 1, 0))
        self.bucket.charge(actual)
        answer: dict[str, Any] = {"data": data}
        if call.errors:
            answer = {"errors": call.errors, "data": data}
        answer["extensions"] = {"cost": self.bucket.status(requested, actual)}
        if call.search:
            answer["extensions"]["search"] = call.search
        return answer

    def take_on(self, text: str, given: Any, operation: str | None, who: str, version: str) -> None:
        """Marks the idempotency keys of a call that will be carried out later as in use."""
        try:
            prepared = prepare(text, version)
            name, chosen = _choose(prepared, operation)
            values = variables(schema(version), chosen, given if isinstance(given, Mapping) else {})
        except Refused:
            return
        call = Call(self.shop, who, values, version)
        for guarded in self._plan(text, name, prepared, chosen, version).guarded:
            key = literal(guarded.idempotency, values) if guarded.idempotency else None
            if isinstance(key, str) and (who, key) not in self.shop.keys:
                reserve(call, key, fingerprint(guarded.name, guarded.args(values) if guarded.args else {}))

    def throttled(self, requested: int = 10) -> dict[str, Any]:
        """The answer to a call for which there are not enough points."""
        error = {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": DOCUMENTATION}}
        return {"errors": [error], "extensions": {"cost": self.bucket.status(requested, None)}}

    def _admit(self, requested: int) -> None:
        if requested > self.max_cost:
            text = f"Query cost is {requested}, which exceeds the single query max cost limit ({self.max_cost}).\n\n"
            text += "See https://shopify.dev/concepts/about-apis/rate-limits for more information on how the\n"
            text += "cost of a query is calculated."
            raise Refused(
                entry(
                    text,
                    code="MAX_COST_EXCEEDED",
                    cost=requested,
                    maxCost=self.max_cost,
                    documentation=DOCUMENTATION,
                )
            )
        if self.bucket.available() < requested:
            raise _Throttled(self.throttled(requested))

    def _plan(
        self, text: str, name: str | None, prepared: Prepared, chosen: ast.OperationDefinitionNode, version: str
    ) -> Plan:
        key = (text, name, version, self.shop.scopes, self.shop.personal_data)
        plan = self._plans.get(key)
        if plan is None:
            plan = Plan(prepared.document, chosen, version, self.shop.scopes, self.shop.personal_data)
            self._plans[key] = plan
            if len(self._plans) > MAX_PLANS:
                self._plans.popitem(last=False)
        return plan


class _Throttled(Exception):
    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__("Throttled")
        self.answer = answer


def _choose(prepared: Prepared, operation: str | None) -> tuple[str | None, ast.OperationDefinitionNode]:
    if operation:
        if operation not in prepared.operations:
            raise Refused({"message": f'No operation named "{operation}"'})
        return operation, prepared.operations[operation]
    if len(prepared.operations) != 1:
        raise Refused({"message": "An operation name is required"})
    return next(iter(prepared.operations.items()))


def _introspect(text: str, given: Any, operation: str | None, version: str) -> dict[str, Any]:
    """Introspection is graphql-core's own: it is asked for once, by tools."""
    found = graphql_sync(schema(version), text, variable_values=given or {}, operation_name=operation)
    return dict(found.formatted)
