"""The strings behind the stage, under `/_sim/`: shop life, faults, load, clock, switches, state and ledger.

Not part of SFCC. Bodies are JSON; `instance` in body or query names the tenant, and may be left out when only one
instance fits (the first is taken).
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import scenarios
from .api.bodies import json_body
from .api.errors import KINDS
from .api.ocapi import OcapiDoor
from .api.shapes import scapi_order
from .api.tokens import Tokens
from .faults import Fault, FaultPlan
from .world import moments
from .world.cartridge import OUTCOMES
from .world.instance import Instance
from .world.refusals import Refused, SpecError

if TYPE_CHECKING:
    from .app import Clock

JsonObject = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]


class Control:
    """The endpoints over all instances."""

    def __init__(
        self, instances: Mapping[str, Instance], faults: FaultPlan, tokens: Tokens, clock: Clock, ocapi: OcapiDoor
    ) -> None:
        self._instances = instances
        self._faults = faults
        self._tokens = tokens
        self._clock = clock
        self._ocapi = ocapi

    def routes(self) -> list[Route]:
        """The routes, for the app."""
        posts = {
            "/_sim/orders": self.orders,
            "/_sim/orders/{number}/{action}": self.act,
            "/_sim/requests/{kind}": self.requests,
            "/_sim/products": self.products,
            "/_sim/customers": self.customers,
            "/_sim/content": self.content,
            "/_sim/files": self.stored,
            "/_sim/import": self.imports,
            "/_sim/replicate": self.replicate,
            "/_sim/switches": self.switches,
            "/_sim/permissions/{api}": self.permissions,
            "/_sim/expire-tokens": self.expire,
            "/_sim/clock": self.clock,
        }
        gets = {
            "/_sim/state": self.state,
            "/_sim/calls": self.calls,
            "/_sim/ledger": self.ledger,
            "/_sim/storefront": self.storefront,
        }
        return [
            *(Route(path, _guarded(endpoint), methods=["POST"]) for path, endpoint in posts.items()),
            *(Route(path, _guarded(endpoint), methods=["GET"]) for path, endpoint in gets.items()),
            Route("/_sim/faults", _guarded(self.faults), methods=["GET", "POST", "DELETE"]),
        ]

    def instance(self, name: str | None) -> Instance:
        """An instance by tenant; unnamed, the first."""
        tenant = name or next(iter(self._instances))
        if tenant not in self._instances:
            raise SpecError(f"There is no instance {tenant!r}. Known: {', '.join(self._instances)}.")
        self._instances[tenant].settle()
        return self._instances[tenant]

    async def _spec(self, request: Request) -> tuple[Instance, JsonObject]:
        spec = await _object(request)
        name = spec.pop("instance", None) or request.query_params.get("instance")
        return self.instance(name), spec

    async def orders(self, request: Request) -> Response:
        """A shopper orders; `times` makes many."""
        instance, spec = await self._spec(request)
        times = int(spec.pop("times", 1))
        made = [scenarios.create_order(instance, spec) for _ in range(times)]
        if times == 1:
            return JSONResponse(scapi_order(made[0]), 201)
        return JSONResponse({"numbers": [order.number for order in made]}, 201)

    async def act(self, request: Request) -> Response:
        """Something happens to an order."""
        instance, spec = await self._spec(request)
        action, order = request.path_params["action"], instance.orders.get(request.path_params["number"])
        if order is None or action not in scenarios.ACTIONS:
            known = ", ".join(scenarios.ACTIONS)
            raise SpecError(f"No order {request.path_params['number']}, or no action {action!r}. Actions: {known}.")
        scenarios.ACTIONS[action](instance, order, spec)
        return JSONResponse(scapi_order(order))

    async def requests(self, request: Request) -> Response:
        """A shopper hands a return, complaint, claim or dispute in."""
        instance, spec = await self._spec(request)
        return JSONResponse(scenarios.hand_in(instance, request.path_params["kind"], spec), 201)

    async def products(self, request: Request) -> Response:
        """The merchant makes a product."""
        instance, spec = await self._spec(request)
        return JSONResponse({"id": scenarios.create_product(instance, spec).id}, 201)

    async def customers(self, request: Request) -> Response:
        """Somebody registers."""
        instance, spec = await self._spec(request)
        made = scenarios.create_customer(instance, spec)
        return JSONResponse({"number": made.number, "id": made.id, "list": made.list_id}, 201)

    async def content(self, request: Request) -> Response:
        """The merchant makes a content asset."""
        instance, spec = await self._spec(request)
        made = scenarios.create_content(instance, spec)
        return JSONResponse({"id": made.id, "library": made.library}, 201)

    async def stored(self, request: Request) -> Response:
        """The storefront keeps a file that a shopper uploaded: `path` below Sites/, `content` in base64."""
        instance, spec = await self._spec(request)
        content = base64.b64decode(str(spec["content"]), validate=True)
        instance.files[str(spec["path"])] = content
        return JSONResponse({"path": spec["path"], "size": len(content)}, 201)

    async def imports(self, request: Request) -> Response:
        """A catalog import sets online flags."""
        instance, spec = await self._spec(request)
        return JSONResponse({"touched": scenarios.import_feed(instance, spec.get("products", {}))})

    async def replicate(self, request: Request) -> Response:
        """A full replication from staging; or, with `next_fails`, the next single item fails."""
        instance, spec = await self._spec(request)
        if spec.get("next_fails"):
            instance.replication.next_fails = True
            return JSONResponse({"next_fails": True})
        return JSONResponse({"changed": instance.replication.run_whole(float(spec.get("seconds", 0)))})

    async def switches(self, request: Request) -> Response:
        """Load (percent), index lag (seconds), order management, and the cartridge's settings."""
        instance, spec = await self._spec(request)
        unknown = set(spec) - {"load", "index_lag", "order_management", "cartridge"}
        if unknown or spec.get("order_management", "none") not in {"none", "integrated", "previously"}:
            raise SpecError("Switches: load, index_lag, order_management (none, integrated, previously), cartridge.")
        instance.load = int(spec.get("load", instance.load))
        instance.order_management = spec.get("order_management", instance.order_management)
        if "index_lag" in spec:
            for index in instance.indexes.values():
                index.lag = float(spec["index_lag"])
        if "cartridge" in spec:
            _configure(instance, spec["cartridge"])
        return JSONResponse(_switches(instance))

    async def permissions(self, request: Request) -> Response:
        """Save an OCAPI permission document, in force after the cache time."""
        instance, spec = await self._spec(request)
        api = request.path_params["api"]
        if api not in {"data", "shop"}:
            raise SpecError("Permissions: data or shop.")
        self._ocapi.permissions[instance.settings.tenant].replace(api, spec)
        return JSONResponse({"in_force_after": instance.settings.permission_delay})

    async def faults(self, request: Request) -> Response:
        """Order one fault (POST), see those to come (GET), forget them (DELETE)."""
        if request.method == "POST":
            self._faults.schedule(Fault.from_dict(await _object(request)))
        if request.method == "DELETE":
            self._faults.clear()
        return JSONResponse({"faults": self._faults.pending()})

    async def expire(self, request: Request) -> Response:
        """End all access tokens."""
        del request
        return JSONResponse({"expired": self._tokens.expire_all()})

    async def clock(self, request: Request) -> Response:
        """Move the clock on by `seconds`."""
        self._clock.advance(float((await _object(request)).get("seconds", 0)))
        return JSONResponse({"now": moments.stamp(self._clock())})

    async def state(self, request: Request) -> Response:
        """What an instance holds, in the simulator's words, without secrets."""
        instance = self.instance(request.query_params.get("instance"))
        return JSONResponse(
            _plain(
                {
                    "now": instance.now(),
                    "tenant": instance.settings.tenant,
                    "calls": instance.calls,
                    "tokens_issued": self._tokens.issued,
                    **_switches(instance),
                    "orders": [_order_state(each) for each in instance.orders.values()],
                    "objects": [asdict(each) for each in instance.objects.values()],
                    "products": [asdict(each) for each in instance.products.values()],
                    "content": [asdict(each) for each in instance.content.values()],
                    "customers": [asdict(each) for each in instance.customers.values()],
                    "certificates": [asdict(each) for each in instance.certificates.values()],
                    "replications": [asdict(each) for each in instance.replication.processes.values()],
                    "index_waiting": {site: index.waiting for site, index in instance.indexes.items()},
                    "faults": self._faults.pending(),
                }
            )
        )

    async def calls(self, request: Request) -> Response:
        """How many requests an instance was sent; those to Account Manager are none of them."""
        return JSONResponse({"calls": self.instance(request.query_params.get("instance")).calls})

    async def ledger(self, request: Request) -> Response:
        """The effects of an instance, oldest first; `since` leaves out those up to a number."""
        instance = self.instance(request.query_params.get("instance"))
        since = int(request.query_params.get("since", "0"))
        return JSONResponse({"ledger": [_plain(asdict(each)) for each in instance.ledger[since:]]})

    async def storefront(self, request: Request) -> Response:
        """What a shopper sees of a product and of a content asset on a site."""
        query = request.query_params
        instance = self.instance(query.get("instance"))
        site = instance.check_site(query.get("site", instance.settings.sites[0]))
        key = instance.settings.site_key.format(site=site)
        found: JsonObject = {}
        if "product" in query:
            product = instance.product(query["product"])
            found = {"visible": instance.visible(product.id, site), "notice": product.custom.get("caseconnectNotice")}
        asset = instance.content.get((site, query.get("content", "")))
        if asset is not None:
            found |= {"content_shown": asset.shown(key), "content": asset.custom}
        return JSONResponse(found)


def _configure(instance: Instance, changes: Mapping[str, Any]) -> None:
    known = ("enabled", "delay", "outcome", "outcomes", "by_job_only", "job_seconds", "oldest", "hook")
    wrong = [name for name in changes if name not in known]
    outcomes = [changes.get("outcome", "done"), *dict(changes.get("outcomes", {})).values()]
    if wrong or not set(outcomes) <= set(OUTCOMES):
        raise SpecError(f"cartridge: allowed are {', '.join(known)}; outcomes: {', '.join(OUTCOMES)}.")
    instance.cartridge.configure(**changes)


def _switches(instance: Instance) -> JsonObject:
    lag = next(iter(instance.indexes.values())).lag
    mode = instance.order_management
    settings = asdict(instance.cartridge.settings)
    return {"load": instance.load, "index_lag": lag, "order_management": mode, "cartridge": settings}


def _order_state(order: Any) -> JsonObject:
    return {**asdict(order), "refuses": sorted(order.refuses), "total": order.total}


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except SpecError as error:
            return JSONResponse({"error": str(error)}, 400)
        except Refused as refused:
            return JSONResponse({"error": refused.text, "code": refused.code}, KINDS[refused.code].status)
        except (TypeError, ValueError, KeyError) as error:
            return JSONResponse({"error": f"The request could not be understood: {error}"}, 400)

    return guarded


async def _object(request: Request) -> JsonObject:
    found = await json_body(request)
    if found is not None and not isinstance(found, dict):
        raise SpecError("The body must be a JSON object.")
    return dict(found or {})


def _plain(value: Any) -> Any:
    """JSON-ready, all the way down; money as exact text."""
    if isinstance(value, datetime):
        return moments.stamp(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple | set) else value
