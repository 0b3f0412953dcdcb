"""Changes of products and content assets, by whichever API, import or person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .attributes import JsonObject, store, wrong_type
from .catalog import ContentAsset, Product
from .instance import Instance
from .refusals import Refused

FLAGS = ("onlineFlag", "searchable")
DATES = ("validFrom", "validTo")
LOCALIZED = ("name", "pageDescription", "longDescription", "shortDescription", "pageTitle", "pageKeywords")
PLAIN = ("brand", "ean", "upc", "manufacturerSku", "manufacturerName", "unit")

_MAPS = {"onlineFlag": "online_flag", "searchable": "searchable", "validFrom": "valid_from", "validTo": "valid_to"}


def site_map(instance: Instance, name: str, value: Any, kind: type) -> JsonObject:
    """A site-specific map whose keys the instance knows, or a refusal."""
    if not isinstance(value, Mapping):
        raise wrong_type(f"$.{name}", "Object", value)
    for key, item in value.items():
        if key not in instance.site_keys():
            text = f"The site id '{key}' provided for the site-specific property '{name}' is unknown."
            raise Refused("unknown-site-id", text, siteId=key)
        if item is not None and not isinstance(item, kind):
            raise wrong_type(f"$.{name}.{key}", "Boolean" if kind is bool else "String", item)
    return dict(value)


def change_product(
    instance: Instance, product: Product, values: Mapping[str, Any], custom: Mapping[str, Any], by: str
) -> bool:
    """Change a product: `values` have SCAPI names. Maps are merged by key; unknown custom attributes are ignored."""
    maps = {
        name: site_map(instance, name, value, bool if name in FLAGS else str)
        for name, value in values.items()
        if name in _MAPS
    }
    if values.get("defaultVariantId") not in {None, *product.members}:
        text = f"The product '{values['defaultVariantId']}' is no variant of '{product.id}'."
        raise Refused("product-default-variant", text, productId=product.id)
    known = instance.definitions.of("Product")
    kept = {key: value for key, value in custom.items() if key.removeprefix("c_") in known}
    checked = instance.definitions.check(kept, "Product")
    before = product.content()
    for name, value in maps.items():
        store(getattr(product, _MAPS[name]), value)
    for name in (*LOCALIZED, *PLAIN):
        if name in values:
            _text(product.texts, name, values[name])
    if "defaultVariantId" in values:
        product.default_variant = values["defaultVariantId"]
    for name, value in checked.items():
        _text(product.custom, name, value)
    product.modified = instance.now()
    product.revision += 1
    changed = before != product.content()
    instance.note(by, "product.change", product.id, {**values, **custom}, changed=changed)
    return changed


def change_content(
    instance: Instance, asset: ContentAsset, values: Mapping[str, Any], custom: Mapping[str, Any], by: str
) -> bool:
    """Change a content asset: `values` have SCAPI names."""
    online = site_map(instance, "online", values.get("online", {}), bool)
    checked = instance.definitions.check(custom, "Content")
    before = asset.content()
    for name, value in values.items():
        if name != "online":
            _text(asset.texts, name, value)
    store(asset.online, online)
    for name, value in checked.items():
        _text(asset.custom, name, value)
    asset.modified = instance.now()
    asset.revision += 1
    changed = before != asset.content()
    instance.note(by, "content.change", f"{asset.library}/{asset.id}", {**values, **custom}, changed=changed)
    return changed


def _text(target: JsonObject, name: str, value: Any) -> None:
    """Localized texts are merged locale by locale, others replaced."""
    before = target.get(name)
    if isinstance(value, Mapping) and isinstance(before, Mapping):
        target[name] = {locale: text for locale, text in {**before, **value}.items() if text is not None}
    else:
        store(target, {name: value})


def switch(instance: Instance, product: Product, key: str, online: bool, by: str) -> None:
    """Set the online flag as an import or a person does it, without any API."""
    product.online_flag[key] = online
    product.modified = instance.now()
    product.revision += 1
    instance.note(by, "product.switch", product.id, {key: online})
