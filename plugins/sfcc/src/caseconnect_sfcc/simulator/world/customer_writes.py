"""Customers: made, found, changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .attributes import JsonObject, store
from .instance import Instance
from .people import Customer
from .refusals import Refused

TEXTS = (
    *("birthday", "companyName", "email", "fax", "firstName", "jobTitle", "lastName", "phoneBusiness", "phoneHome"),
    *("phoneMobile", "preferredLocale", "salutation", "secondName", "suffix", "title"),
)
WRITABLE = (*TEXTS, "gender", "credentials")
READ_ONLY = (
    *("customerNo", "customerId", "creationDate", "lastModified", "lastLoginTime", "lastVisitTime", "link"),
    *("previousLoginTime", "previousVisitTime", "primaryAddress", "globalPartyId"),
)


def customer(instance: Instance, list_id: str, number: str) -> Customer:
    """A customer of a list, or a refusal."""
    check_list(instance, list_id)
    found = instance.customers.get((list_id, number))
    if found is None:
        text = f"No customer with number '{number}' for customer list '{list_id}' could be found."
        raise Refused("customer-not-found", text, customerNo=number)
    return found


def check_list(instance: Instance, list_id: str) -> None:
    """Refuse a list that does not exist."""
    if list_id not in instance.customer_lists():
        text = f"No customer list with ID '{list_id}' could be found."
        raise Refused("customer-list-not-found", text, listId=list_id)


def by_id(instance: Instance, site: str, customer_id: str) -> Customer:
    """The customer with an id (not a number) in the list of a site, or a refusal."""
    for found in instance.customers.values():
        if found.id == customer_id and found.list_id == site:
            return found
    text = f"No customer with ID '{customer_id}' could be found."
    raise Refused("shop-customer-not-found", text, customerId=customer_id)


def add_customer(instance: Instance, list_id: str, number: str, values: Mapping[str, Any], by: str) -> Customer:
    """Make a customer."""
    now = instance.now()
    made = Customer(number, instance.fresh_id("customer", 28), list_id, now, now)
    login = values.get("credentials", {}).get("login") or values.get("email")
    if login and any(_login(each) == login for each in instance.customers.values() if each.list_id == list_id):
        raise Refused("login-already-in-use", "The login is already in use.")
    store(made.profile, {name: value for name, value in values.items() if name in WRITABLE})
    instance.customers[list_id, number] = made
    instance.note(by, "customer.create", f"{list_id}/{number}")
    return made


def _login(found: Customer) -> Any:
    return found.profile.get("credentials", {}).get("login") or found.profile.get("email")


def change_customer(
    instance: Instance, found: Customer, values: Mapping[str, Any], custom: Mapping[str, Any], by: str
) -> bool:
    """Change a profile; members that are not sent stay. `credentials` are merged."""
    checked = instance.definitions.check(custom, "Profile")
    profile: JsonObject = {name: value for name, value in values.items() if name in WRITABLE}
    if isinstance(profile.get("credentials"), Mapping):
        profile["credentials"] = {**found.profile.get("credentials", {}), **profile["credentials"]}
    changed = store(found.profile, profile)
    changed = store(found.custom, checked) or changed
    found.modified = instance.now()
    found.revision += 1
    instance.note(by, "customer.change", f"{found.list_id}/{found.number}", {**values, **custom}, changed=changed)
    return changed
