"""The sink: what is done on the orders, returns, customers and disputes of one shop, by GraphQL mutations.

Only `refundCreate` takes a key (`@idempotent`). Everywhere else a repeat is made safe by looking first: for a handle, a
tag, a mark in a note, an intent that was written before, or the state itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from caseconnect.sdk.commands import (
    AnnotateCustomer,
    AnnotateOrder,
    ApproveReturn,
    AssessRisk,
    CancelOrder,
    Command,
    CreateReplacement,
    DeclineReturn,
    DeleteDraft,
    ExchangeReturn,
    HoldOrder,
    IssueCredit,
    NoteOrder,
    RefundPayment,
    ReleaseOrder,
    SubmitEvidence,
)
from caseconnect.sdk.components import Check, Outcome, Repeat, Sighting, SinkSpec
from caseconnect.sdk.errors import PluginError
from caseconnect.sdk.http import Http
from caseconnect.sdk.resources import Resources
from caseconnect_shopify import checks
from caseconnect_shopify.annotations import Annotations
from caseconnect_shopify.cancelling import Cancelling
from caseconnect_shopify.config import EXAMPLE, ShopifySettings
from caseconnect_shopify.credit import Credits
from caseconnect_shopify.drafts import Replacements
from caseconnect_shopify.evidence import Evidence
from caseconnect_shopify.holding import Holds
from caseconnect_shopify.notes import Notes
from caseconnect_shopify.reading import client_of
from caseconnect_shopify.refunds import Refunds
from caseconnect_shopify.returning import Returns
from caseconnect_shopify.risk import Risks

Do = Callable[[Any, str], Awaitable[Outcome]]
Look = Callable[[Any, str], Awaitable[Sighting]]


class ShopifySink:
    """Carries commands out in one shop."""

    def __init__(self, settings: ShopifySettings, resources: Resources) -> None:
        self._settings = settings
        self._client = client_of(settings, resources)
        self._deeds = self._made(settings, resources)

    async def check(self) -> Sequence[Check]:
        """Token, shop, API version, and the scopes that the commands need, one by one."""
        return await checks.run(self._client, self._settings, checks.WRITING)

    async def execute(self, command: Command, key: str) -> Outcome:
        """One attempt; every command looks first, so what is so already is not sent again."""
        do, _ = self._deed(command)
        return await do(command, key)

    async def verify(self, command: Command, key: str) -> Sighting:
        """Whether it is as the command wanted it."""
        _, look = self._deed(command)
        return await look(command, key)

    def _deed(self, command: Command) -> tuple[Do, Look]:
        found = self._deeds.get(type(command))
        if found is None:
            raise PluginError(f"the Shopify sink has no command {command.kind}", plugin="shopify")
        return found

    def _made(self, settings: ShopifySettings, resources: Resources) -> Mapping[type[Command], tuple[Do, Look]]:
        client, namespace = self._client, settings.metafield_namespace
        annotations, cancelling = Annotations(client, settings), Cancelling(client)
        holds, notes, risks = Holds(client, settings.hold_prefix), Notes(client, namespace), Risks(client)
        refunds, credits_ = Refunds(client, settings.restock_location), Credits(client, namespace)
        replacements, returns = Replacements(client, settings.hold_prefix), Returns(client)
        evidence = Evidence(client, partial(_storage, resources))
        return {
            AnnotateCustomer: (annotations.annotate, annotations.is_annotated),
            AnnotateOrder: (annotations.annotate, annotations.is_annotated),
            ApproveReturn: (returns.approve, returns.is_approved),
            AssessRisk: (risks.assess, risks.is_assessed),
            CancelOrder: (cancelling.cancel, cancelling.is_cancelled),
            CreateReplacement: (replacements.create, replacements.is_created),
            DeleteDraft: (replacements.waiting.delete, replacements.waiting.is_deleted),
            DeclineReturn: (returns.decline, returns.is_declined),
            ExchangeReturn: (returns.exchange, returns.is_exchanged),
            HoldOrder: (holds.hold, holds.is_held),
            IssueCredit: (credits_.issue, credits_.is_issued),
            NoteOrder: (notes.add, notes.is_there),
            RefundPayment: (refunds.give_back, refunds.is_given_back),
            ReleaseOrder: (holds.release, holds.is_released),
            SubmitEvidence: (evidence.submit, evidence.is_submitted),
        }


def _storage(resources: Resources, origin: str) -> Http:
    """Where Shopify wants a file: a host of its own that is given no credentials of ours."""
    return resources.once(
        ("shopify storage", origin), lambda: resources.http(origin, public=origin.startswith("https:"))
    )


SINK = SinkSpec(
    name="shopify",
    summary="Holds, cancelling, refunds, returns, replacements, credit, notes and evidence in a Shopify shop.",
    settings=ShopifySettings,
    example=EXAMPLE,
    build=ShopifySink,
    commands={
        AnnotateCustomer: Repeat.STATE,
        AnnotateOrder: Repeat.STATE,
        ApproveReturn: Repeat.STATE,
        AssessRisk: Repeat.STATE,
        CancelOrder: Repeat.READ,
        CreateReplacement: Repeat.READ,
        DeclineReturn: Repeat.STATE,
        DeleteDraft: Repeat.STATE,
        ExchangeReturn: Repeat.READ,
        HoldOrder: Repeat.STATE,
        IssueCredit: Repeat.READ,
        NoteOrder: Repeat.STATE,
        RefundPayment: Repeat.KEY,
        ReleaseOrder: Repeat.STATE,
        SubmitEvidence: Repeat.STATE,
    },
    deadline=timedelta(seconds=30),
    lateness=timedelta(seconds=120),
    index_lag=timedelta(seconds=60),
    key_window=timedelta(hours=12),
    settle_within=timedelta(hours=24),
)
