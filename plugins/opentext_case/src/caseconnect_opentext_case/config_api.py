"""Settings of paths, creating, comments and lists."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from caseconnect.sdk.components import Settings

_DEFINITION = "/api/v1/case-definitions/{definition}"
_CASE = _DEFINITION + "/cases/{case}"


class PathSettings(Settings):
    """`METHOD /path` of each operation; `{definition}`, `{case}`, `{attachment}` are filled in, empty: not offered.

    Only `edit_case_data` is documented; the others follow from its path and from request names.
    """

    read_definition: str = Field(default=f"GET {_DEFINITION}", description="Read the case definition (guess).")
    create_case: str = Field(default=f"POST {_DEFINITION}/cases", description="Make a case (path inferred).")
    read_case: str = Field(default=f"GET {_CASE}", description="Read a case (path inferred).")
    list_cases: str = Field(default=f"GET {_DEFINITION}/cases", description="List or search cases (guess).")
    edit_case_data: str = Field(default=f"PUT {_CASE}/case-data", description="Change a case's data (documented).")
    add_comment: str = Field(default=f"POST {_CASE}/comments", description="Add a comment (path inferred).")
    list_comments: str = Field(default=f"GET {_CASE}/comments", description="Read comments (path inferred).")
    add_attachment: str = Field(default=f"POST {_CASE}/attachments", description="Add a document later (guess).")
    list_attachments: str = Field(default=f"GET {_CASE}/attachments", description="List a case's documents (guess).")
    read_attachment: str = Field(
        default=f"GET {_CASE}/attachments/{{attachment}}/content", description="Download a document (guess)."
    )
    close_case: str = Field(default=f"POST {_CASE}/close", description="Close a case (guess).")
    list_tasks: str = Field(default="", description="List a case's tasks, for `decider: task` (no default).")

    @field_validator("*")
    @classmethod
    def _shape(cls, value: str) -> str:
        method, _, path = value.partition(" ")
        known = {"GET", "POST", "PUT", "PATCH"}
        if value and (method not in known or not path.startswith("/") or "?" in path or " " in path):
            raise ValueError(f"{value!r} is no operation: write 'METHOD /path' with one of {', '.join(sorted(known))}")
        if not set(_names(path)) <= {"definition", "case", "attachment"}:
            raise ValueError(f"{value!r}: only {{definition}}, {{case}} and {{attachment}} can be filled in")
        return value


def _names(path: str) -> list[str]:
    return [piece.split("}")[0] for piece in path.split("{")[1:]]


class CreateSettings(Settings):
    """How a case is made: "form data" with a JSON file is documented, the names of the parts are not."""

    encoding: Literal["multipart", "json"] = Field(
        default="multipart", description="Form data with a JSON part, or JSON."
    )
    case_part: str = Field(default="caseInstance", min_length=1, description="Name of the part with the case's JSON.")
    case_filename: str = Field(default="caseinstance.json", description="Its file name; empty: a plain field, no file.")
    case_media_type: str = Field(default="application/json", description="Its content type.")
    file_part: str = Field(default="files", min_length=1, description="Name of each document's part.")
    attachment_part: str = Field(
        default="file", min_length=1, description="Part of a document added later (JSON encoding)."
    )
    max_documents: int = Field(
        default=20, ge=0, description="Documents per case; more are left out and named in the case."
    )
    max_document_bytes: int = Field(
        default=25_000_000, gt=0, description="Bytes per document; larger ones are left out."
    )
    document_types: tuple[str, ...] = Field(default=(), description="Allowed content types; empty: any.")
    title_limit: int = Field(default=255, ge=20, description="Characters of a title; the rest is cut.")
    summary_limit: int | None = Field(default=None, ge=200, description="Characters of a summary; none: no limit.")
    constants: dict[str, str | int | bool] = Field(
        default={}, description="Dotted path -> value put into every new case: what the definition requires."
    )


class CommentSettings(Settings):
    """How comments look; only that they exist and have an id is documented."""

    text: str = Field(default="message", min_length=1, description="Key of the text, sent and read.")
    id: str = Field(default="id", min_length=1, description="Key of the comment's id.")
    author: str = Field(default="createdBy", min_length=1, description="Key of the author.")
    author_user: str = Field(default="createdByUser", description="Key of the author's expanded identity.")
    created: str = Field(default="createdOn", min_length=1, description="Key of the time.")
    also: dict[str, Any] = Field(default={}, description="Further keys of the body that is sent.")
    items: str = Field(default="_embedded.comments", description="Dotted key of the comments in the answer.")
    paged: bool = Field(default=True, description="Comments come in pages as cases do.")
    limit: int = Field(default=10_000, ge=200, description="Characters of a comment; the rest is cut.")


class ListingSettings(Settings):
    """Lists and search. Nothing of it is documented for Core Case; the styles are those of neighbouring services."""

    find: Literal["attribute", "listing", "none"] = Field(
        default="attribute",
        description="How a case is found by our reference: by search, by reading the list, or not at all. With none, "
        "a create whose answer was lost goes to a person.",
    )
    changes: Literal["listing", "watch"] = Field(
        default="listing", description="How changes are noticed: the list by last change, or open cases one by one."
    )
    paging: Literal["page", "offset"] = Field(default="page", description="Page number and size, or offset and count.")
    page_size: int = Field(default=50, ge=1, le=1000, description="Rows a page.")
    page_param: str = Field(default="page", description="Parameter of the page number.")
    size_param: str = Field(default="items-per-page", description="Parameter of the size, with page numbers.")
    first_page: int = Field(default=1, ge=0, le=1, description="Number of the first page.")
    offset_param: str = Field(default="offset", description="Parameter of the rows to skip.")
    count_param: str = Field(default="count", description="Parameter of the size, with offsets.")
    items: str = Field(default="_embedded.cases", description="Dotted key of the cases in the answer.")
    rows: Literal["full", "summary"] = Field(
        default="full", description="Rows hold the case, or only id and last change."
    )
    sort: dict[str, str] = Field(
        default={"sortby": "lastUpdatedOn desc"},
        description="Parameters that sort by last change, newest first; empty: unsorted, every poll reads all.",
    )
    since_param: str = Field(default="", description="Parameter for changes since a time; empty: there is none.")
    overlap: float = Field(default=300, ge=0, description="Seconds read again at each poll: lists lag behind.")
    search: Literal["filter", "parameter"] = Field(
        default="filter", description="`filter=name eq 'value'`, or `name=value` as a parameter."
    )
    search_param: str = Field(default="filter", description="Parameter of the filter, for `search: filter`.")
    search_name: str = Field(
        default="", description="Name of the reference in a search; default: end of `fields.reference`."
    )
    find_pages: int = Field(default=40, ge=1, description="Pages read to find a case; beyond it nobody can tell.")
    watch_batch: int = Field(default=20, ge=1, le=200, description="Open cases read at once, with `changes: watch`.")
    watch_share: float = Field(
        default=0.5, gt=0, le=1, description="Share of `requests_per_second` that `changes: watch` may use."
    )
