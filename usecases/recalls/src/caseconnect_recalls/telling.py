"""What a recall tells: shoppers by notices, the people at the case by comments. What was said is not said again."""

from __future__ import annotations

from dataclasses import dataclass

from caseconnect.models import Case
from caseconnect.sdk.commands import CommentCase, digest_of
from caseconnect.sdk.decisions import Matter
from caseconnect.sdk.events import Event, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect_recalls import standing
from caseconnect_recalls.naming import Named
from caseconnect_recalls.settings import RecallsSettings
from caseconnect_recalls.spreading import Spread
from caseconnect_recalls.standing import PRODUCTS, comment, listed

_TEXTS = "texts:"
_LONGEST = 4000

Said = tuple[CommentCase, str | None]
"""A comment, and what a person is told beside it."""


@dataclass(frozen=True)
class Look:
    """A recall as it is seen now. `known` are the products that it wanted off sale before."""

    event: Event
    matter: Matter
    case: Case
    settings: RecallsSettings
    named: Named
    spreads: Spread
    known: tuple[Subject, ...]

    @property
    def new(self) -> tuple[Subject, ...]:
        """Products that are not recalled yet."""
        return tuple(each for each in self.spreads.products if each not in self.known)

    @property
    def back(self) -> tuple[Subject, ...]:
        """Products that were taken off sale and are on sale again. Only a timer looks for them."""
        found = standing.newest(self.matter, PRODUCTS).items()
        off = {name for name, c in found if (c.kind, c.state) == (PRODUCTS[0], "done")}
        looking = isinstance(self.event, TimerFired)
        return tuple(each for each in self.spreads.on_sale if looking and str(each) in off)


def texts_of(case: Case, settings: RecallsSettings) -> tuple[dict[str, str], dict[str, str]]:
    """Texts of the pages and of checkouts: the agent's own stands for the default."""
    own = case.attributes.get(settings.notice, "").strip()[:_LONGEST] if settings.notice else ""
    pages, checkouts = dict(settings.product_notice), dict(settings.checkout_notice)
    if own:
        pages["default"] = own
        checkouts |= {"default": own} if checkouts else {}
    return pages, checkouts


def texts_changed(look: Look) -> bool:
    """The texts are others than those that were told last."""
    told = [c.name for c in look.matter.commands if c.kind == "CommentCase" and c.name.startswith(_TEXTS)]
    return not told or told[-1] != f"{_TEXTS}{digest_of(texts_of(look.case, look.settings))}"


def told(look: Look, begins: str | None) -> tuple[list[CommentCase], list[str]]:
    """The comments that are new, and what a person must be told beside them."""
    found: list[Said] = [*_recalled(look), *_in_vain(look), *_back(look), *_closed(look, begins), *_texts(look)]
    fresh = [each for each in found if look.matter.command("CommentCase", each[0].name) is None]
    return [said for said, _ in fresh], [alert for _, alert in fresh if alert]


def _recalled(look: Look) -> list[Said]:
    if not look.new:
        return []
    by_hand = "" if look.matter.mode == "live" else " The flow's mode keeps Connect off the shop: do it by hand."
    name = f"recalled:{digest_of(standing.undone(look.matter), sorted(map(str, look.new)))}"
    text = f"Recalled: {len(look.new)} products are being taken off sale.{by_hand}\n{_list(look.new)}"
    return [(comment(name, text), None)]


def _in_vain(look: Look) -> list[Said]:
    settings, found = look.settings, list[Said]()
    if not look.named:
        where = ", ".join(filter(None, (settings.skus, settings.upcs, settings.categories)))
        lists = f", or attach a list ({', '.join(settings.lists)})" if settings.lists else ""
        end = " What is off sale stays so until the recall ends." if look.known else " Nothing is done."
        text = f"This recall names no product: write them in {where}{lists}.{end}"
        found.append(
            (comment(f"nothing:{bool(look.known)}", text), f"{look.matter.subject}: a recall names no product")
        )
    if troubles := [*look.spreads.unknown, *look.named.unread]:
        text = (
            "Not found or not readable, and not taken off sale unless said. It is looked for again hourly:\n"
            + listed(troubles)
        )
        alert = f"{look.matter.subject}: something that the recall names cannot be found or read: see the case"
        found.append((comment(f"unknown:{digest_of(troubles)}", text + listed(troubles)), alert))
    return found


def _back(look: Look) -> list[Said]:
    if not look.back or not isinstance(look.event, TimerFired):
        return []
    again = look.settings.suppress_again
    end = "They are being taken off sale again." if again else "They are left so: decide by hand."
    text = f"On sale again, by somebody, an import or a replication. {end}\n{_list(look.back)}"
    name = f"back:{digest_of(look.event.due.isoformat(), sorted(map(str, look.back)))}"
    return [(comment(name, text), f"{look.matter.subject}: recalled products were on sale again: see the case")]


def _closed(look: Look, begins: str | None) -> list[Said]:
    if not look.case.closed or begins is not None:
        return []
    text = "The case was closed, and the recall goes on until the case says that it ends."
    return [(comment("closed", text), f"{look.matter.subject}: the case is closed, and its products stay off sale")]


def _texts(look: Look) -> list[Said]:
    texts = texts_of(look.case, look.settings)
    words = dict.fromkeys(word for each in texts for word in each.values())
    text = f"Shoppers are told:\n{listed(list(words))}" if words else "Shoppers are told nothing."
    return [(comment(f"{_TEXTS}{digest_of(texts)}", text), None)] if texts_changed(look) else []


def _list(products: tuple[Subject, ...]) -> str:
    return listed([f"{each.id} ({each.connection})" for each in products])
