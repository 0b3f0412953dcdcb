"""What a tenant file says to speak with each of the alternative profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SETTINGS_OF: Mapping[str, dict[str, Any]] = {
    "workflow-like": {
        "create": {"case_part": "case", "file_part": "documents", "attachment_part": "document"},
        "comments": {"text": "text", "id": "commentId"},
        "fields": {
            "status": "caseProperties.defaultAttributes.caseStatus",
            "outcome": "caseProperties.customAttributes.resolution",
        },
        "listing": {
            "paging": "offset",
            "search": "parameter",
            "sort": {"sort": "lastUpdatedOn", "order": "desc"},
            "since_param": "lastUpdatedAfter",
        },
        "closed_statuses": ["completed"],
        "service_account": ["connect.service@core-case.example"],
    },
    "no-listing": {
        "paths": {
            "create_case": "POST /v2/definitions/{definition}/case-instances",
            "read_case": "GET /v2/definitions/{definition}/case-instances/{case}",
            "edit_case_data": "PUT /v2/definitions/{definition}/case-instances/{case}/case-data",
            "add_comment": "POST /v2/definitions/{definition}/case-instances/{case}/notes",
            "list_comments": "GET /v2/definitions/{definition}/case-instances/{case}/notes",
            "add_attachment": "POST /v2/definitions/{definition}/case-instances/{case}/documents",
            "list_attachments": "GET /v2/definitions/{definition}/case-instances/{case}/documents",
            "read_attachment": "GET /v2/definitions/{definition}/case-instances/{case}/documents/{attachment}",
            "list_cases": "",
        },
        "create": {"encoding": "json"},
        "comments": {"text": "body", "id": "noteId"},
        "fields": {"id": "caseId", "outcome": "outcome", "status": "status", "decided_by": "", "decided_on": ""},
        "listing": {"find": "none", "changes": "watch"},
        "edit": {"mode": "merge"},
        "close": {"by": "status"},
    },
    "attribute-list": {
        "create": {"case_part": "json", "file_part": "attachments"},
        "fields": {
            "custom": "caseProperties.additionalAttributes",
            "custom_shape": "pairs",
            "reference": "caseProperties.additionalAttributes.externalReference",
            "outcome": "caseProperties.additionalAttributes.finalDecision",
            "decided_by": "caseProperties.additionalAttributes.reviewer",
            "decided_on": "",
        },
        "comments": {"items": "items"},
        "attachments": {"items": "items"},
        "listing": {"find": "listing", "rows": "summary", "items": "items"},
    },
}
"""Settings of the connection that differ from the defaults, by the profile's name."""
