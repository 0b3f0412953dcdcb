"""The sink: what SCAPI and OCAPI can write, and actions that the cartridge's job carries out for what they cannot.

Neither API takes a key of ours for orders, products and profiles, so a repeat is made safe by looking first. Gift
certificates and the cartridge's actions are made under a key of ours, and once for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from caseconnect.sdk.commands import (
    AdjustLoyalty,
    AnnotateCustomer,
    AnnotateOrder,
    ApproveReturn,
    CancelOrder,
    Command,
    CorrectProfile,
    CreateReplacement,
    DeclineReturn,
    ExchangeReturn,
    HoldOrder,
    IssueCredit,
    NoteOrder,
    NotifyCustomer,
    RefundPayment,
    ReleaseOrder,
    RemoveNotice,
    RestoreProduct,
    SetOrderStatus,
    ShowNotice,
    SuppressProduct,
)
from caseconnect.sdk.components import Check, Outcome, Repeat, Sighting, SinkSpec
from caseconnect.sdk.errors import PluginError
from caseconnect.sdk.resources import Resources

from . import acting, checks_writing
from .annotating import Annotate, AnnotateProfile, Correct
from .config import EXAMPLE, SfccSettings
from .connection import client_of, places_of, staging_of
from .crediting import Credit
from .holding import Hold, Release
from .notices import Remove, Show
from .noting import Note
from .recalling import Restore, Suppress
from .returning import Answer
from .statuses import Cancel, SetStatus
from .writing import Desk, Work


class SfccSink:
    """Carries commands out on the sites of one instance."""

    def __init__(self, settings: SfccSettings, resources: Resources) -> None:
        staging = staging_of(settings, resources)
        desk = Desk(settings, client_of(settings, resources), places_of(settings, resources), staging)
        answer = Answer(desk)
        self._desk = desk
        self._works: dict[type[Command], Work] = {
            AnnotateCustomer: AnnotateProfile(desk),
            AnnotateOrder: Annotate(desk),
            ApproveReturn: answer,
            CancelOrder: Cancel(desk),
            CorrectProfile: Correct(desk),
            DeclineReturn: answer,
            HoldOrder: Hold(desk),
            IssueCredit: Credit(desk),
            NoteOrder: Note(desk),
            ReleaseOrder: Release(desk),
            RemoveNotice: Remove(desk),
            RestoreProduct: Restore(desk),
            SetOrderStatus: SetStatus(desk),
            ShowNotice: Show(desk),
            SuppressProduct: Suppress(desk),
            **acting.works(desk),
        }

    async def check(self) -> Sequence[Check]:
        """The scopes for writing, the attributes, object types and the job that the commands need."""
        return await checks_writing.run(self._desk)

    async def execute(self, command: Command, key: str) -> Outcome:
        """One attempt; every command looks first, so what is so already is not sent again."""
        return await self._work(command).do(command, key)

    async def verify(self, command: Command, key: str) -> Sighting:
        """Whether it is as the command wanted it."""
        return await self._work(command).see(command, key)

    async def before(self, command: Command) -> dict[str, Any]:
        """What is there now and would have to be restored; empty for a command that is never undone."""
        return await self._work(command).before(command)

    def _work(self, command: Command) -> Work:
        found = self._works.get(type(command))
        if found is None:
            raise PluginError(f"the SFCC sink has no command {command.kind}", plugin="sfcc")
        return found


SINK = SinkSpec(
    name="sfcc",
    summary="Statuses, notes, attributes, credit, recalls and the cartridge's actions on a B2C Commerce instance.",
    settings=SfccSettings,
    example=EXAMPLE,
    build=SfccSink,
    commands={
        AdjustLoyalty: Repeat.KEY,
        AnnotateCustomer: Repeat.STATE,
        AnnotateOrder: Repeat.STATE,
        ApproveReturn: Repeat.STATE,
        CancelOrder: Repeat.STATE,
        CorrectProfile: Repeat.STATE,
        CreateReplacement: Repeat.KEY,
        DeclineReturn: Repeat.STATE,
        ExchangeReturn: Repeat.KEY,
        HoldOrder: Repeat.STATE,
        IssueCredit: Repeat.KEY,
        NoteOrder: Repeat.READ,
        NotifyCustomer: Repeat.KEY,
        RefundPayment: Repeat.KEY,
        ReleaseOrder: Repeat.STATE,
        RemoveNotice: Repeat.STATE,
        RestoreProduct: Repeat.STATE,
        SetOrderStatus: Repeat.STATE,
        ShowNotice: Repeat.STATE,
        SuppressProduct: Repeat.STATE,
    },
    deadline=timedelta(seconds=30),
    # SCAPI gives a request of its admin APIs 60 seconds (sfcc.md §12).
    lateness=timedelta(seconds=120),
    settle_within=timedelta(hours=1),
)
