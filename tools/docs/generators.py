"""Every generated block by the name that its marker gives."""

from __future__ import annotations

from collections.abc import Mapping

from tools.docs import commands, contract, journal, limits, plugins, records, settings, shopify
from tools.docs.blocks import Block

BLOCKS: Mapping[str, Block] = {
    "plugins": plugins.plugins,
    "use-case-table": plugins.use_case_table,
    "settings": settings.settings,
    "components": settings.components,
    "use-cases": settings.use_cases,
    "tenant-keys": settings.tenant_keys,
    "commands": commands.commands,
    "exit-codes": commands.exit_codes,
    "hooks": contract.hooks,
    "specs": contract.specs,
    "objects": contract.objects,
    "errors": contract.errors,
    "canonical-commands": contract.canonical_commands,
    "canonical-events": contract.canonical_events,
    "contract-example": contract.contract_example,
    "states": journal.states,
    "transitions": journal.transitions,
    "schema": journal.schema,
    "limits": limits.limits,
    "records": records.records,
    "shopify-topics": shopify.topics,
    "shopify-scopes": shopify.scopes,
}
