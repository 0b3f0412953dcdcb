"""Products, customers, custom objects and gift certificates as searches see them; these do not lag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseconnect_sfcc.simulator.world.attributes import Attribute
from caseconnect_sfcc.simulator.world.catalog import KINDS, Product
from caseconnect_sfcc.simulator.world.people import Customer, CustomObject, GiftCertificate

from .fields import Field, Fields
from .index import Document
from .orders import as_values

_TEXT, _TIME, _FLAG = Field(), Field("datetime"), Field("boolean")
_UNSORTED = Field(sortable=False)

PRODUCT_FIELDS = Fields(
    {
        "id": _TEXT,
        "name": _TEXT,
        "online": Field("boolean", sortable=False),
        "searchable": Field("boolean", sortable=False),
        "valid_from": Field("datetime", sortable=False),
        "valid_to": Field("datetime", sortable=False),
        "type": Field("enum", KINDS, sortable=False),
        "creation_date": _TIME,
        "last_modified": Field("datetime", sortable=False),
        "catalog_id": _UNSORTED,
        "category_id": _UNSORTED,
    },
    unqueryable=frozenset({"link"}),
)
"""Product search of both families; SCAPI spells the names in camelCase."""

_PROFILE = ("firstName", "secondName", "lastName", "suffix", "salutation", "title", "fax", "phoneBusiness", "phoneHome")
PROFILE = (*_PROFILE, "phoneMobile", "email", "companyName")

CUSTOMER_FIELDS = Fields(
    {
        **dict.fromkeys(("customerNo", *PROFILE, "credentials.login"), _TEXT),
        "credentials.enabled": _FLAG,
        "gender": Field("number"),
    },
    unqueryable=frozenset({"lastModified", "creationDate", "link"}),
)
"""Customer search (Customers 1.1.3): not by time, so that customers cannot be polled for changes."""

CERTIFICATE_FIELDS = Fields(
    {
        **dict.fromkeys(("merchantId", "recipientEmail", "recipientName", "senderName", "orderNo", "message"), _TEXT),
        "status": Field("enum", ("issued", "partially_redeemed", "pending", "redeemed")),
        "enabled": _FLAG,
        **dict.fromkeys(("creationDate", "lastModified"), _TIME),
    },
    unqueryable=frozenset({"link"}),
)
"""Gift certificate search."""


def _present(value: Any) -> list[Any]:
    return [] if value is None or value == "" else [value]


def object_fields(custom: Mapping[str, Attribute]) -> Fields:
    """Custom object search (OCAPI Data): key, times, site, and the type's attributes."""
    system = {
        "key_value_string": _TEXT,
        "key_value_integer": Field("number"),
        "site_id": _TEXT,
        "creation_date": _TIME,
        "last_modified": _TIME,
    }
    return Fields(system, custom)


def object_document(found: CustomObject, custom: Mapping[str, Attribute]) -> Document:
    """A custom object."""
    key = "key_value_integer" if isinstance(found.key, int) else "key_value_string"
    values: dict[str, list[Any]] = {
        key: [found.key],
        "site_id": _present(found.site),
        "creation_date": [found.created],
        "last_modified": [found.modified],
    }
    for name, value in found.values.items():
        if name in custom:
            values[f"c_{name}"] = as_values(value, custom[name].kind)
    return Document(values)


def product_document(product: Product, key: str) -> Document:
    """A product, for the site of a site key."""
    names = product.texts.get("name", {})
    return Document(
        {
            "id": [product.id],
            "name": list(names.values()) if isinstance(names, Mapping) else [],
            "online": [product.online_flag.get(key, product.online_flag.get("default", False))],
            "searchable": [product.searchable.get(key, product.searchable.get("default", False))],
            "type": [product.kind],
            "creation_date": [product.created],
            "last_modified": [product.modified],
            "catalog_id": [product.catalog],
            "category_id": list(product.categories),
            "valid_from": as_values(list(product.valid_from.values()), "datetime"),
            "valid_to": as_values(list(product.valid_to.values()), "datetime"),
        }
    )


def customer_document(customer: Customer) -> Document:
    """A customer."""
    profile = customer.profile
    login = profile.get("credentials", {})
    return Document(
        {
            "customerNo": [customer.number],
            **{name: _present(profile.get(name)) for name in (*PROFILE, "gender")},
            "credentials.login": _present(login.get("login")),
            "credentials.enabled": [login.get("enabled", True)],
        }
    )


def certificate_document(found: GiftCertificate) -> Document:
    """A gift certificate."""
    names = ("recipientEmail", "recipientName", "senderName", "orderNo", "message")
    return Document(
        {
            "merchantId": [found.merchant_id],
            "status": [found.status],
            "enabled": [found.enabled],
            "creationDate": [found.created],
            "lastModified": [found.modified],
            **{name: _present(found.details.get(name)) for name in names},
        }
    )


def renamed(fields: Fields, spell: Any) -> Fields:
    """The same fields under the names of the other family."""
    system = {spell(name): field for name, field in fields.system.items()}
    return Fields(system, fields.custom, frozenset(spell(name) for name in fields.unqueryable), fields.paths)


def respelled(document: Document, spell: Any) -> Document:
    """A document under the names of the other family."""
    return Document({spell(name): values for name, values in document.values.items()})
