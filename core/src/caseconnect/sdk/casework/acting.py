"""What each action of an outcome asks for: pure functions from the case, the order and the item to commands."""

from __future__ import annotations

from dataclasses import dataclass

from caseconnect.models import Case, Document, Order, Record
from caseconnect.sdk.casework.answers import (
    ImpossibleError,
)
from caseconnect.sdk.casework.outcome_settings import Action, OutcomeSettings, of_outcome
from caseconnect.sdk.casework.standing import CANCELLED, RELEASED, RESOLVED, WAITING_FOR_CUSTOMER, holding
from caseconnect.sdk.casework.text import one_line
from caseconnect.sdk.casework.usecase import Requested, UseCase
from caseconnect.sdk.commands import (
    ApproveReturn,
    CancelOrder,
    Command,
    CorrectProfile,
    DeclineReturn,
    Expect,
    NotifyCustomer,
    ReleaseOrder,
    SetOrderStatus,
    SubmitEvidence,
    digest_of,
)
from caseconnect.sdk.decisions import Matter
from caseconnect.sdk.subjects import Subject


@dataclass(frozen=True)
class Acting:
    """All that an action may look at. `subject` is the case's; `order` and `item` are None where they are unknown.

    `documents` are those that people put on the case, `unread` the names of those that could not be had.
    """

    use: UseCase
    matter: Matter
    subject: Subject
    case: Case
    settings: OutcomeSettings
    order: Order | None = None
    item: Record | None = None
    documents: tuple[Document, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """The outcome, in the words of the case definition."""
        return self.case.outcome or ""

    @property
    def requested(self) -> Requested:
        """What the item asks for; nothing where there is none."""
        return self.use.requested(self.item, self.order) or Requested("")

    @property
    def profile(self) -> Subject:
        """Whose profile it is: that which the item names, else the order, which knows its customer."""
        about, customer = self.matter.about, self.requested.customer
        return Subject(about.connection, "customer", customer) if about and customer else self.matter.subject

    @property
    def note(self) -> str:
        """For the platform's own records."""
        return one_line(f"Case {self.case.number or self.case.id}: {self.outcome}", 255)

    def answer(self, name: str) -> str:
        """What the agent wrote in the case for this, or nothing."""
        return self.case.attributes.get(getattr(self.settings.answers, name), "").strip()

    def still(self, *answers: str) -> tuple[Expect, ...]:
        """What must be so when it is sent: the outcome, and what was written with it."""
        expects = [Expect(fact="case", subject=self.subject, field="outcome", value=self.outcome)]
        for name in answers:
            key = getattr(self.settings.answers, name)
            if not key:
                continue
            value = self.case.attributes.get(key)
            expects.append(Expect(fact="case", subject=self.subject, field=f"attributes.{key}", value=value))
        return tuple(expects)


@dataclass(frozen=True)
class Act:
    """What an action comes to. `says` is told on the case; `stage` is the matter's when all is carried out."""

    commands: tuple[Command, ...] = ()
    says: str = ""
    stage: str = RESOLVED


def release(on: Acting) -> Act:
    """Give up what this matter keeps back."""
    if holding(on.matter):
        return Act((ReleaseOrder(target=on.matter.subject, expects=on.still()),), stage=RELEASED)
    return Act(says="Connect keeps nothing of the order back, nothing was released.", stage=RELEASED)


def cancel(on: Acting) -> Act:
    """Cancel the order; moves no money."""
    cancel = CancelOrder(target=on.matter.subject, cause=on.use.cancel_cause, note=on.note, expects=on.still())
    told = (
        "The order is being cancelled."
        if on.matter.mode == "live"
        else "The flow's mode keeps Connect off orders: cancel the order by hand."
    )
    return Act((cancel,), f"{told} {_captured(on.order)}", CANCELLED)


def _captured(order: Order | None) -> str:
    if order is None or order.captured is None:
        return "Whether money was captured could not be read: look in the shop, and refund there what was taken."
    if order.captured.amount > 0:
        return (
            f"{order.captured} was captured. Cancelling moves no money, and an order with captured money may be "
            "refused: refund it in the shop."
        )
    return "No money was captured, and cancelling moves none."


def ask_verification(on: Acting) -> Act:
    """Ask the shopper, and wait."""
    kept = " The order stays held until then." if holding(on.matter) else ""
    template = on.settings.message(on.outcome, "ask_verification")
    if template is None:
        text = (
            "The customer must be asked for verification. Connect does not write to the customer: please do, and set "
            f"the final outcome when the answer is there.{kept}"
        )
        return Act(says=text, stage=WAITING_FOR_CUSTOMER)
    text = f"The customer is asked for verification; set the final outcome when the answer is here.{kept}"
    return Act((_message(on, template, upload=True),), text, WAITING_FOR_CUSTOMER)


def notify(on: Acting) -> Act:
    """Write to the shopper."""
    return Act((_message(on, on.settings.message(on.outcome, "notify") or ""),))


def _message(on: Acting, template: str, *, upload: bool = False) -> NotifyCustomer:
    asked, order = on.requested, on.order
    values = {
        "order": order.number if order else "",
        "outcome": on.outcome,
        "reason": on.answer("reason"),
        "case": on.case.number or on.case.id,
    }
    return NotifyCustomer(
        name=f"{template}:{digest_of(on.case.revision)}",
        target=on.matter.subject,
        template=template,
        email=asked.email or (order.email if order and order.email else ""),
        locale=asked.locale or (order.locale if order and order.locale else ""),
        values=values,
        upload=upload,
        expects=on.still(),
    )


def approve_return(on: Acting) -> Act:
    """Let the goods come back."""
    if _by_form(on):
        return Act(says="The shop knows no such return: tell the customer where the goods are to be sent.")
    told = "The shop approves a return as a whole." if on.answer("lines") else ""
    return Act((ApproveReturn(target=on.matter.subject, returned=returned(on), expects=on.still()),), told)


def decline_return(on: Acting) -> Act:
    """Refuse the return, with the reason."""
    if _by_form(on):
        return Act(says="The shop knows no such return: tell the customer that it is declined, and why.")
    why = one_line(on.answer("reason"), 500)
    causes = {on.use.decline_causes.get(f.exception, "other") for f in on.matter.findings}
    decline = DeclineReturn(
        target=on.matter.subject,
        returned=returned(on),
        cause=causes.pop() if len(causes) == 1 else "other",
        note=why,
        expects=on.still("reason"),
    )
    told = "" if why else f"No reason was given in {on.settings.answers.reason}: the shopper reads none."
    return Act((decline,), told)


def _by_form(on: Acting) -> bool:
    about = on.matter.about
    return about is not None and about.connection != on.matter.subject.connection


def returned(on: Acting) -> Subject:
    """The return that the matter is about."""
    about = on.matter.about
    if about is None or about.kind != "return" or _by_form(on):
        raise ImpossibleError("this matter is about no return that the platform knows: do it by hand")
    return about


def wished(on: Acting) -> Action:
    """The action that was asked for."""
    if on.requested.wish is None:
        raise ImpossibleError("what was asked for is not known: choose an outcome that says it")
    return on.requested.wish


def correct_profile(on: Acting) -> Act:
    """Set fields of the profile as they should be."""
    fields = dict(on.requested.corrections)
    if not fields:
        raise ImpossibleError("which fields of the profile are wrong is not known: correct them by hand")
    return Act((CorrectProfile(target=on.profile, fields=fields, expects=on.still()),))


def submit_evidence(on: Acting) -> Act:
    """Hand in what people put on the case, with the reason as its text."""
    about, text = on.matter.about, on.answer("reason")
    if about is None or about.connection != on.matter.subject.connection:
        raise ImpossibleError("this dispute is not the shop's own: hand the evidence in where it came from")
    if on.unread:
        plain = "documents of the case cannot be read"
        raise ImpossibleError(f"{plain}: {', '.join(on.unread)}", plain)
    if not on.documents and not text:
        reason = on.settings.answers.reason
        raise ImpossibleError(f"there is no evidence: add documents to the case, or write the text in {reason}")
    evidence = SubmitEvidence(
        target=on.matter.subject,
        dispute=about,
        documents=on.documents,
        text=text,
        send=on.settings.sends_evidence(),
        expects=on.still("reason"),
    )
    told = ", ".join(d.name for d in on.documents) or "the text alone"
    return Act((evidence,), f"The evidence is being handed in: {told}.")


def set_status(on: Acting) -> Act:
    """Show on the order how it ended."""
    wanted = of_outcome(on.settings.statuses, on.outcome) or {}
    return Act(
        tuple(
            SetOrderStatus(name=kind, target=on.matter.subject, status=kind, value=value, expects=on.still())
            for kind, value in wanted.items()
        )
    )


def close(_: Acting) -> Act:
    """Nothing but the end of the matter."""
    return Act()
