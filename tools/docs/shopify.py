"""What the Shopify plugin makes of topics, and the access scopes that it looks for."""

from __future__ import annotations

from caseconnect_shopify.checks import ALL
from caseconnect_shopify.topics import TOPICS
from tools.docs.markdown import code, codes, table


def topics() -> str:
    """Topics by the event that they become and the scope that Shopify asks for them."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, topic in TOPICS.items():
        scopes = " or ".join(map(code, topic.scopes)) or ("none" if topic.listed else "none; set in the app itself")
        groups.setdefault((topic.event.__name__, scopes), []).append(name)
    rows = [(codes(names), code(event), scopes) for (event, scopes), names in groups.items()]
    return table(("topics", "event", "scope"), rows)


def scopes() -> str:
    """Scopes with what each is for."""
    rows = [(code(s.name), s.use, "needed" if s.needed else "without it less is seen or done") for s in ALL]
    return table(("scope", "for", ""), rows)
