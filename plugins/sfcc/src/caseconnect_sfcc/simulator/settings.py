"""What a simulated SFCC is told before it starts: instances, sites, clients with their rights, habits."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from .world.people import ObjectType
from .world.refusals import SpecError
from .world.standard import ATTRIBUTES, OBJECT_TYPES

SCOPES = tuple(
    f"sfcc.{name}{suffix}"
    for name in ("orders", "products", "catalogs", "customerlists", "gift-certificates", "granular-replications")
    for suffix in ("", ".rw")
)
"""The scopes of the operations that are simulated."""

DATA_RESOURCES = (
    *("/sites", "/sites/*", "/sites/*/orders/**", "/sites/*/gift_certificates", "/sites/*/gift_certificates/*"),
    *("/custom_objects/**", "/sites/*/custom_objects/**", "/custom_objects_search/*", "/libraries/*/content/*"),
    *("/products/*", "/product_search", "/customer_lists/**", "/jobs/*/executions", "/jobs/*/executions/*"),
    *("/system_object_definitions/**", "/custom_object_definitions/**", "/sites/*/site_preferences/**"),
)
SHOP_RESOURCES = (
    *("/order_search", "/orders/*", "/orders/*/notes", "/orders/*/notes/*", "/orders/*/payment_methods"),
    *("/customers/*", "/customers/*/orders", "/customers/*/payment_instruments", "/custom_objects/*/*"),
)


def permissions(client_id: str, resources: tuple[str, ...]) -> dict[str, Any]:
    """A Business Manager permission document (the JSON of the OCAPI settings) that allows the resources wholly."""
    methods = ["get", "post", "put", "patch", "delete"]
    entries = [
        {"resource_id": each, "methods": methods, "read_attributes": "(**)", "write_attributes": "(**)"}
        for each in resources
    ]
    return {"_v": "25.6", "clients": [{"client_id": client_id, "resources": entries}]}


@dataclass(frozen=True, slots=True)
class ApiClient:
    """An Account Manager API client. `kind` is `scapi` (with scopes and tenants) or `ocapi`: one id cannot be both."""

    id: str
    secret: str = field(repr=False)
    kind: str = "scapi"
    scopes: tuple[str, ...] = SCOPES
    tenants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentUser:
    """A Business Manager user, for the user grant."""

    login: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CartridgeSettings:
    """The stand-in of the merchant's cartridge job. Times in seconds.

    `outcome` is what a trigger ends in: `done`, `error`, `unknown` (it acted, and failed then) or `never` (nothing is
    ever written back); `outcomes` says otherwise for single actions. With `by_job_only` triggers wait until the job is
    started over OCAPI. One that waited for longer than `oldest` is refused.
    """

    enabled: bool = True
    delay: float = 5.0
    outcome: str = "done"
    outcomes: Mapping[str, str] = field(default_factory=dict)
    by_job_only: bool = False
    job_id: str = "CaseConnectActions"
    job_seconds: float = 3.0
    oldest: float = 3600.0
    trigger_type: str = "CaseConnectAction"
    hook: bool = True


@dataclass(frozen=True, slots=True)
class InstanceSettings:
    """One instance of a realm; `tenant` is realm and instance, such as `zzxy_prd`. Times in seconds.

    `site_key` is the form of the keys in site-specific maps: `{site}` or `default@{site}`. `order_management` is
    `none`, `integrated` or `previously`. `indexing` off makes `order_search` fail with 500, as the documentation says.
    """

    tenant: str = "zzxy_prd"
    host: str = ""
    short_code: str = "kv7kzm78"
    sites: tuple[str, ...] = ("RefArch", "RefArchGlobal")
    offline_sites: tuple[str, ...] = ()
    index_lag: float = 3.0
    indexing: bool = True
    site_key: str = "{site}"
    order_management: str = "none"
    replication_seconds: float = 20.0
    granular_replication: bool = True
    permission_delay: float = 180.0
    put_allowed: bool | None = None
    shop_needs_user: bool = False
    data_permissions: Mapping[str, Any] = field(default_factory=lambda: permissions("ocapi-client", DATA_RESOURCES))
    shop_permissions: Mapping[str, Any] = field(default_factory=lambda: permissions("ocapi-client", SHOP_RESOURCES))
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    object_types: tuple[ObjectType, ...] = OBJECT_TYPES
    cartridge: CartridgeSettings = field(default_factory=CartridgeSettings)

    def __post_init__(self) -> None:
        if len(self.tenant.split("_")) != 2 or not self.sites:
            raise SpecError(f"instance.tenant: {self.tenant!r} must be realm_instance, as in zzxy_prd, with sites.")
        if self.order_management not in {"none", "integrated", "previously"}:
            raise SpecError("instance.order_management: allowed are none, integrated, previously.")
        if "{site}" not in self.site_key:
            raise SpecError("instance.site_key: must contain {site}, as in default@{site}.")

    @property
    def organization(self) -> str:
        """The organization id of SCAPI."""
        return f"f_ecom_{self.tenant}"

    @property
    def kind(self) -> str:
        """`prd`, `stg`, `dev` or `sandbox`."""
        name = self.tenant.split("_")[1]
        return name if name in {"prd", "stg", "dev"} else "sandbox"

    @property
    def ocapi_host(self) -> str:
        """The host name of OCAPI."""
        return self.host or f"{self.tenant.replace('_', '-')}.sfcc.example"

    @property
    def takes_put(self) -> bool:
        """Whether OCAPI accepts a plain PUT: on sandboxes and development only, unless the settings say otherwise."""
        return self.kind in {"sandbox", "dev"} if self.put_allowed is None else self.put_allowed

    def all_attributes(self) -> dict[str, dict[str, str]]:
        """The standard definitions with the instance's own added."""
        found = {name: dict(given) for name, given in ATTRIBUTES.items()}
        for name, given in self.attributes.items():
            found.setdefault(name, {}).update(given)
        return found


@dataclass(frozen=True, slots=True)
class SfccSettings:
    """The whole simulator. `token_life` is what Account Manager grants (1799 s), `user_token_life` what BM grants."""

    instances: tuple[InstanceSettings, ...] = (InstanceSettings(), InstanceSettings("zzxy_stg"))
    clients: tuple[ApiClient, ...] = (
        ApiClient("scapi-client", "scapi-secret", tenants=("zzxy_prd", "zzxy_stg")),
        ApiClient("ocapi-client", "ocapi-secret", "ocapi", ()),
    )
    users: tuple[AgentUser, ...] = (AgentUser("agent@shop.example", "agent-access-key"),)
    token_life: int = 1799
    user_token_life: int = 899

    def __post_init__(self) -> None:
        if not self.instances or len({each.tenant for each in self.instances}) != len(self.instances):
            raise SpecError("simulator.instances: at least one instance, each with a tenant of its own, is needed.")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SfccSettings:
        """Settings from JSON or YAML; refuses what it does not know."""
        found = _load(cls, data, "simulator")
        assert isinstance(found, cls)  # noqa: S101 - for the type checker: _load returns what it was asked for
        return found


def _load(wanted: Any, data: Any, where: str) -> Any:
    """A value of the wanted type from plain data."""
    if isinstance(wanted, types.UnionType):
        return None if data is None else _load(wanted.__args__[0], data, where)
    if typing.get_origin(wanted) is tuple:
        if not isinstance(data, list | tuple):
            raise SpecError(f"{where}: expected a list, found {type(data).__name__}.")
        return tuple(_load(typing.get_args(wanted)[0], item, f"{where}[{n}]") for n, item in enumerate(data))
    if is_dataclass(wanted) and isinstance(wanted, type):
        return _load_fields(wanted, data, where)
    plain = typing.get_origin(wanted) or wanted
    if plain is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if plain is not Any and (not isinstance(data, plain) or (isinstance(data, bool) and plain is not bool)):
        raise SpecError(f"{where}: expected {plain.__name__}, found {type(data).__name__}.")
    return data


def _load_fields(wanted: type, data: Any, where: str) -> Any:
    if not isinstance(data, Mapping):
        raise SpecError(f"{where}: expected settings by name, found {type(data).__name__}.")
    hints = typing.get_type_hints(wanted)
    known = [each.name for each in fields(wanted)]
    unknown = [str(name) for name in data if name not in known]
    if unknown:
        raise SpecError(f"{where}: unknown {', '.join(unknown)}. Allowed: {', '.join(known)}.")
    try:
        return wanted(**{name: _load(hints[name], value, f"{where}.{name}") for name, value in data.items()})
    except TypeError as error:
        raise SpecError(f"{where}: {error}") from None
