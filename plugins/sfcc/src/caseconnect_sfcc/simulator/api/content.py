"""OCAPI Data 25.6: content assets, sites, and site preferences."""

from __future__ import annotations

from caseconnect_sfcc.simulator.world import moments
from caseconnect_sfcc.simulator.world.attributes import JsonObject, shown, store
from caseconnect_sfcc.simulator.world.catalog import ContentAsset
from caseconnect_sfcc.simulator.world.catalog_writes import change_content
from caseconnect_sfcc.simulator.world.refusals import Refused

from . import bodies
from .calls import NO_CONTENT, Answer, Call
from .ocapi import DATA, check_state, resource_state
from .shapes import cameled, snake, snaked

PATH = "/libraries/{library_id}/content/{content_id}"
TEXTS = ("name", "pageTitle", "pageDescription", "pageKeywords", "pageUrl", "template", "searchable", "siteMapIncluded")
READ_ONLY = ("creation_date", "last_modified", "link", "classification_folder_id", "classification_folder_link")


def _library(call: Call) -> str:
    library = call.path["library_id"]
    if library not in {*call.instance.settings.sites, "SharedLibrary"}:
        raise Refused("library-not-found", f"No library with ID '{library}' was found.", libraryId=library)
    return library


def _asset(call: Call) -> ContentAsset:
    library, name = _library(call), call.path["content_id"]
    found = call.instance.content.get((library, name))
    if found is None:
        text = f"No content asset with ID '{name}' was found in library '{library}'."
        raise Refused("content-not-found", text, contentId=name)
    return found


def _document(asset: ContentAsset) -> JsonObject:
    return {
        "_type": "content_asset",
        "_resource_state": resource_state(asset.revision, asset.id),
        "id": asset.id,
        "creation_date": moments.stamp(asset.created),
        "last_modified": moments.stamp(asset.modified),
        "online": dict(asset.online),
        **snaked(asset.texts),
        **shown(asset.custom),
    }


def _write(call: Call, asset: ContentAsset) -> Answer:
    allowed = {"id", "online", *READ_ONLY, *(snake(name) for name in TEXTS)}
    known, custom = bodies.split(call.document(), allowed, "content_asset")
    if known.get("id", asset.id) != asset.id:
        raise Refused("id-conflict", "The ID in the document does not match the ID in the URL.", contentId=asset.id)
    given = {name: value for name, value in cameled(known).items() if name in {*TEXTS, "online"}}
    change_content(call.instance, asset, given, custom, call.who)
    call.instance.content[asset.library, asset.id] = asset
    return Answer(_document(asset))


@DATA.add("GET", PATH, "data.get_content")
def get_content(call: Call) -> Answer:
    """One content asset."""
    return Answer(_document(_asset(call)))


@DATA.add("PUT", PATH, "data.put_content")
def put_content(call: Call) -> Answer:
    """Make a content asset, or overwrite one."""
    now = call.instance.now()
    return _write(call, ContentAsset(call.path["content_id"], _library(call), now, now))


@DATA.add("PATCH", PATH, "data.patch_content")
def patch_content(call: Call) -> Answer:
    """Change a content asset."""
    asset = _asset(call)
    check_state(call, asset.revision, asset.id)
    return _write(call, asset)


@DATA.add("DELETE", PATH, "data.delete_content")
def delete_content(call: Call) -> Answer:
    """Delete a content asset."""
    asset = _asset(call)
    del call.instance.content[asset.library, asset.id]
    call.instance.note(call.who, "content.delete", f"{asset.library}/{asset.id}")
    return NO_CONTENT


def _site(call: Call, site: str) -> JsonObject:
    status = "maintenance" if site in call.instance.settings.offline_sites else "online"
    return {"_type": "site", "id": site, "display_name": {"default": site}, "storefront_status": status}


@DATA.add("GET", "/sites", "data.get_sites")
def get_sites(call: Call) -> Answer:
    """The sites of the instance."""
    start = call.number("start", 0, 0, 10_000)
    count = call.number("count", 25, 1, 200)
    names = call.instance.settings.sites
    page = [_site(call, each) for each in names[start : start + count]]
    return Answer({"_type": "sites", "count": len(page), "start": start, "total": len(names), "data": page})


@DATA.add("GET", "/sites/{site_id}", "data.get_site")
def get_site(call: Call) -> Answer:
    """One site."""
    return Answer(_site(call, call.instance.check_site(call.path["site_id"])))


_PREFERENCES = "/sites/{site_id}/site_preferences/preference_groups/{group_id}/{instance_type}"


def _group(call: Call) -> tuple[str, str]:
    site = call.instance.check_site(call.path["site_id"])
    group = call.path["group_id"]
    if group not in {name for _, name in call.instance.preferences} | {"CaseConnect"}:
        text = f"No custom preference group with ID '{group}' was found."
        raise Refused("preference-group-not-found", text, groupId=group)
    return site, group


def _preferences(call: Call, key: tuple[str, str]) -> Answer:
    return Answer({"_type": "site_preferences", **shown(call.instance.preferences.get(key, {}))})


@DATA.add("GET", _PREFERENCES, "data.get_preferences")
def get_preferences(call: Call) -> Answer:
    """The values of a group of custom site preferences."""
    return _preferences(call, _group(call))


@DATA.add("PATCH", _PREFERENCES, "data.patch_preferences")
def patch_preferences(call: Call) -> Answer:
    """Change preferences that are defined."""
    key = _group(call)
    custom = bodies.custom_only(call.document(), "site_preferences")
    checked = call.instance.definitions.check(custom, "SitePreferences")
    changed = store(call.instance.preferences.setdefault(key, {}), checked)
    call.instance.note(call.who, "site.preferences", f"{key[0]}/{key[1]}", checked, changed=changed)
    return _preferences(call, key)
