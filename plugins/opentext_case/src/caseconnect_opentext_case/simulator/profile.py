"""Every name, path, code and habit of Core Case that public material does not settle, in one place.

Evidence levels, one per field: S = seen in a public source, I = inferred from one, G = our guess. Nothing here is
OpenText's word; a tenant whose Core Case differs changes the profile, not the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from .loading import SettingsError, load

OPERATION_LEVELS: Mapping[str, str] = {
    "token": "S",
    "discovery": "S",
    "list_definitions": "G",
    "create_definition": "I",
    "read_definition": "G",
    "update_definition": "I",
    "create_stage": "I",
    "create_case": "I",
    "list_cases": "G",
    "read_case": "I",
    "edit_case_data": "S",
    "close_case": "G",
    "add_comment": "I",
    "list_comments": "I",
    "add_attachment": "G",
    "list_attachments": "G",
    "read_attachment": "G",
}
"""Each operation with the weakest evidence for its method and path; all but S are marked `X-Simulator: assumed`."""

_DEFINITIONS = "/api/v1/case-definitions"
_CASES = _DEFINITIONS + "/{definition}/cases"
_CASE = _CASES + "/{case}"


@dataclass(frozen=True)
class Profile:
    """How one Core Case speaks. Operations are `METHOD /path`, an empty one is not offered; `*_path` are dotted keys.

    A dotted key is `caseProperties.<section>.<name>` or one top-level key; an empty one hides the field.
    """

    list_definitions: str = f"GET {_DEFINITIONS}"
    """G: definitions of the tenant, as a page."""
    create_definition: str = f"POST {_DEFINITIONS}"
    """I: request name seen, method and path not."""
    read_definition: str = f"GET {_DEFINITIONS}/{{definition}}"
    """G: one definition, the likely place of `caseConfigId`."""
    update_definition: str = f"PUT {_DEFINITIONS}/{{definition}}"
    """I: "Update General Settings" by form data seen, method and path not."""
    create_stage: str = f"POST {_DEFINITIONS}/{{definition}}/stages"
    """I: request name seen, path not."""
    create_case: str = f"POST {_CASES}"
    """I: request name and JSON seen, path not."""
    list_cases: str = f"GET {_CASES}"
    """G: nothing seen; leave empty for a Core Case without listing and search."""
    read_case: str = f"GET {_CASE}"
    """I: the path of the documented per-case group."""
    edit_case_data: str = f"PUT {_CASE}/case-data"
    """S: the one documented method and path."""
    close_case: str = f"POST {_CASE}/close"
    """G: no closing operation seen."""
    add_comment: str = f"POST {_CASE}/comments"
    """I: request name seen, path not."""
    list_comments: str = f"GET {_CASE}/comments"
    """I: follows from `add_comment`."""
    add_attachment: str = f"POST {_CASE}/attachments"
    """G: only "Create Case with Attachments" was seen."""
    list_attachments: str = f"GET {_CASE}/attachments"
    """G: nothing seen."""
    read_attachment: str = f"GET {_CASE}/attachments/{{attachment}}/content"
    """G: nothing seen."""
    method_not_allowed: int = 405
    """G: status for a known path with a method that is not offered; some gateways say 404."""

    create_encoding: Literal["multipart", "json"] = "multipart"
    """I: "Form Data" with a file is seen; a plain JSON body is the alternative."""
    case_part: str = "caseInstance"
    """G: name of the part that holds the case's JSON as a file."""
    definition_part: str = "caseInstanceDTO"
    """G: name of the part that holds a definition's JSON as a file."""
    json_part_is_file: bool = True
    """I: the JSON travels as a file; a plain form field is then refused."""
    file_part: str = "files"
    """G: name of the (repeatable) part of a create's documents."""
    attachment_part: str = "file"
    """G: name of the part when a document is added later."""
    config_id_key: str = "caseConfigId"
    """S: the key in the create body; that a definition carries it too is inferred."""
    config_id_required: bool = True
    """I: a create that names no or another configuration is refused."""
    create_status: int = 201
    """G: status of every successful create."""
    edit_status: int = 200
    """G: status of a successful edit or close."""
    create_answer: Literal["case", "id"] = "case"
    """G: whether a create answers with the whole case or its id alone."""
    edit_answer: Literal["case", "empty"] = "case"
    """G: whether an edit answers with the case or with no body."""

    id_key: str = "id"
    """I: key of the case's uuid in answers; the collection stores it as `case_id`."""
    comment_id_key: str = "id"
    """G: key of a comment's id."""
    comment_key: str = "message"
    """G: key of a comment's text; Workflow's task comments use `message`."""
    comment_author_key: str = "createdBy"
    """G: key of a comment's author, `<key>User` the expanded identity."""
    comment_time_key: str = "createdOn"
    """G: key of a comment's time."""
    attachment_id_key: str = "id"
    """G: key of a document's id."""
    attachment_name_key: str = "originalFileName"
    """G: as the Content Storage Service names it."""
    attachment_type_key: str = "mimeType"
    """G: as the Content Storage Service names it."""

    custom_key: str = "customAttributes"
    """G: section of the custom attributes under `caseProperties`."""
    custom_shape: Literal["map", "list"] = "map"
    """G: custom attributes as an object, or as a list of `{name, value}`."""
    forms_key: str = "inputForms"
    """G: section of the input forms under `caseProperties`."""
    number_path: str = "caseProperties.defaultAttributes.caseNumber"
    """G: display number of the generator."""
    status_path: str = "caseProperties.defaultAttributes.status"
    """G: status of a case."""
    stage_path: str = "caseProperties.defaultAttributes.stage"
    """G: name of the stage."""
    priority_path: str = "caseProperties.defaultAttributes.priority"
    """G: priority."""
    assignee_path: str = "caseProperties.defaultAttributes.assignee"
    """G: assigned user or role."""
    due_path: str = "caseProperties.defaultAttributes.dueDate"
    """G: deadline."""
    outcome_path: str = "caseProperties.customAttributes.outcome"
    """G: the agent's decision, an attribute of the customer's definition."""
    decided_by_path: str = "caseProperties.customAttributes.decidedBy"
    """G: who decided."""
    decided_on_path: str = "caseProperties.customAttributes.decidedOn"
    """G: when it was decided."""
    nulls: Literal["absent", "null"] = "absent"
    """G: whether unset progress fields are left out or null (a client that puts them back then clears them)."""
    status_open: str = "Open"
    """G: status of a new or reopened case; vocabularies are the customer's."""
    status_closed: str = "Closed"
    """G: status of a closed case."""
    identity_key: Literal["id", "etsUuid", "email"] = "id"
    """I: spelling of `createdBy`, assignee and deciding person; ids are called user ids."""
    timestamps: Literal["offset", "zulu"] = "offset"
    """S: both seen: `2021-01-12T16:09:09.193+0000` in examples, `Z` in the schema."""

    put: Literal["merge", "replace"] = "merge"
    """G: whether an edit keeps attributes it does not name or clears them."""
    progress_by_put: bool = False
    """G: whether an edit may change status and stage; if not, what it sends for them is ignored."""
    closed_refuses_edits: bool = False
    """G: whether an edit of a closed case is a 409."""
    etag: bool = False
    """G: `ETag` on a case and 409 for an edit whose `If-Match` is stale; no concurrency control was seen."""
    comment_moves_stamp: bool = True
    """G: whether a comment moves `lastUpdatedOn`."""
    attachment_moves_stamp: bool = True
    """G: whether a document moves `lastUpdatedOn`."""

    paging: Literal["page", "offset"] = "page"
    """G: 1-based pages as the Content Metadata Service has them, or an offset as Workflow has it."""
    page_param: str = "page"
    """G: number of the page."""
    size_param: str = "items-per-page"
    """G: size of a page (`paging` page)."""
    offset_param: str = "offset"
    """G: rows to skip (`paging` offset)."""
    count_param: str = "count"
    """G: rows to answer (`paging` offset)."""
    default_size: int = 10
    """I: Workflow's default as its samples step; Core Case's is unknown."""
    max_size: int = 100
    """G: larger sizes are refused with 400."""
    embedded: bool = True
    """G: rows under `_embedded`, as both neighbouring services do, or at the top level."""
    empty_rows: Literal["absent", "empty"] = "absent"
    """G: on an empty page `_embedded` is absent (seen for the neighbours) or holds an empty list."""
    collection_key: str = ""
    """G: one key for the rows of every list; empty means `cases`, `comments` and so on."""
    total_path: str = "total"
    """G: dotted key of the number of rows; Workflow says `page.totalElements`; empty leaves it out."""
    total_param: str = "include-total"
    """G: the total is told only when this parameter is `true`; empty means always."""
    list_rows: Literal["full", "summary"] = "full"
    """G: whether rows hold the case, or only its id, number and change stamp."""
    sort_param: str = "sortby"
    """G: `name` or, without `order_param`, `name desc`."""
    order_param: str = ""
    """G: `asc` or `desc` in a parameter of its own, as Workflow has it."""
    changed_since_param: str = "changedSince"
    """G: inclusive lower bound of `lastUpdatedOn`; empty means there is no such filter."""
    search: Literal["filter", "parameter", "none"] = "filter"
    """G: `filter=name eq 'x' and …` as the Content Metadata Service has it, one parameter per attribute, or nothing."""
    filter_param: str = "filter"
    """G: name of the filter parameter."""
    unknown_filter: Literal["nothing", "everything", "refuse"] = "nothing"
    """G: what a filter on an attribute that no case has finds; "everything" is how such filters bite."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Profile:
        """A profile from JSON; an unknown key or a wrong type is a `SettingsError` that names it."""
        return load(cls, data, "profile")

    def __post_init__(self) -> None:
        """Refuse dotted keys and operations that no request could match."""
        for name, path in self.field_paths.items():
            if len(path) not in (1, 3) or (len(path) == 3 and path[:2] not in self._sections):
                allowed = ", ".join(".".join((*section, "<name>")) for section in self._sections)
                raise SettingsError(
                    f"profile.{name}: {'.'.join(path)!r} is no place in a case; use {allowed} or one key."
                )
        for operation in OPERATION_LEVELS:
            spec = getattr(self, operation, "")
            if spec and not (spec.partition(" ")[0].isupper() and spec.partition(" ")[2].startswith("/")):
                raise SettingsError(f"profile.{operation}: {spec!r} is not 'METHOD /path'.")

    @property
    def _sections(self) -> tuple[tuple[str, str], ...]:
        return tuple(("caseProperties", section) for section in ("defaultAttributes", self.custom_key, self.forms_key))

    @cached_property
    def field_paths(self) -> Mapping[str, tuple[str, ...]]:
        """Names of `CaseFields` (and `number`) with their split dotted keys; hidden ones are left out."""
        paths = {
            "number": self.number_path,
            "status": self.status_path,
            "stage": self.stage_path,
            "priority": self.priority_path,
            "assignee": self.assignee_path,
            "due_on": self.due_path,
            "outcome": self.outcome_path,
            "decided_by": self.decided_by_path,
            "decided_on": self.decided_on_path,
        }
        return {name: tuple(path.split(".")) for name, path in paths.items() if path}
