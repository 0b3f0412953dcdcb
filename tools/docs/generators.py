"""Every generated block by the name that its marker gives."""

from __future__ import annotations

from collections.abc import Mapping

from tools.docs import (
    alerts,
    commands,
    console,
    contract,
    journal,
    limits,
    logs,
    numbers,
    plugins,
    records,
    settings,
    shopify,
    use_cases,
)
from tools.docs.blocks import Block

BLOCKS: Mapping[str, Block] = {
    "plugins": plugins.plugins,
    "use-case-table": use_cases.use_case_table,
    "use-case-card": use_cases.use_case_card,
    "use-case-way": use_cases.use_case_way,
    "use-case-needs": use_cases.use_case_needs,
    "placeholders": use_cases.placeholders,
    "settings": settings.settings,
    "components": settings.components,
    "tenant-keys": settings.tenant_keys,
    "commands": commands.commands,
    "exit-codes": commands.exit_codes,
    "console-actions": console.actions,
    "api-endpoints": console.endpoints,
    "api-models": console.models,
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
    "log-lines": logs.log_lines,
    "metrics": numbers.metrics,
    "records": records.records,
    "runbooks": alerts.runbooks,
    "runbook": alerts.runbook,
    "shopify-topics": shopify.topics,
    "shopify-scopes": shopify.scopes,
}
