"""Settings of one Core Case account.

Core Case's public material leaves open what the reference sheet §8 lists; each of these is a setting with our own
default. Only what no default can be right for is required: base URL, the two ids of the case type, how to sign in.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from caseconnect.sdk.addresses import checked_url
from caseconnect.sdk.components import Settings
from caseconnect.sdk.secrets import Secret

from .auth import Form
from .config_api import CommentSettings, CreateSettings, ListingSettings, PathSettings
from .config_fields import AttributeSettings, EditSettings, FieldSettings
from .config_work import AttachmentSettings, CloseSettings, DeclarationSettings, HookSettings, TaskSettings
from .dialect import Dialect, Paging

Priority = Literal["low", "normal", "high", "urgent"]
Places = dict[str, str | AttributeSettings]


class AuthSettings(Settings):
    """How to sign in. The platform knows several OAuth2 forms; which one Core Case wants is not documented."""

    form: Form = Field(default="client_credentials_json", description="Grant and encoding of the token request.")
    token_url: str | None = Field(default=None, description="Token endpoint, if `tenant_id` does not lead to it.")
    tenant_id: str | None = Field(
        default=None, min_length=1, description="Tenant: `<authority>/tenants/<id>/oauth2/token`."
    )
    authority: str | None = Field(default=None, description="Base of tenant addresses; default: host of `base_url`.")
    discovery: bool = Field(default=False, description="Ask the tenant's openid-configuration for the token endpoint.")
    client_id: str = Field(min_length=1, description="Id of the OAuth client.")
    client_secret: Secret | None = Field(default=None, description="Secret of the OAuth client.")
    client_auth: Literal["auto", "body", "basic"] = Field(
        default="auto",
        description="Client id and secret in the body or as HTTP Basic; auto: Basic for password_form only.",
    )
    username: Secret | None = Field(default=None, description="Service account, for the password forms.")
    password: Secret | None = Field(default=None, description="Its password, for the password forms.")
    refresh_token: Secret | None = Field(default=None, description="First refresh token, for the form refresh_token.")
    scope: str = Field(default="", description="`scope`, such as `otds:groups subscription:<name>`; empty: not sent.")
    client_data: str = Field(default="", description="`client_data`, such as `subName=<name>`; empty: not sent.")
    token_life: float = Field(default=300, gt=0, description="Seconds a token is used if the answer has no expires_in.")

    @field_validator("token_url", "authority")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return value if value is None else checked_url(value, "this address")

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if not self.token_url and not self.tenant_id:
            raise ValueError("give `tenant_id`, or `token_url` if the token endpoint is elsewhere")
        if self.discovery and not self.tenant_id:
            raise ValueError("`discovery` needs `tenant_id`")
        needed = {
            "client_credentials": ("client_secret",),
            "password": ("username", "password"),
            "refresh_token": ("refresh_token",),
        }[self.form.removesuffix("_json").removesuffix("_form")]
        if missing := [name for name in needed if getattr(self, name) is None]:
            raise ValueError(f"the form {self.form} needs {' and '.join(f'`{name}`' for name in missing)}")
        return self


class DefinitionSettings(Settings):
    """A further case definition. What is not given here is as on the connection; `fields` may name single paths."""

    definition_id: str = Field(min_length=1, description="Its id.")
    config_id: str = Field(min_length=1, description="Its `caseConfigId`.")
    fields: FieldSettings | None = Field(default=None, description="Paths that differ.")
    attributes: Places | None = Field(default=None, description="Its attributes, instead of the connection's.")
    required: tuple[str, ...] | None = Field(default=None, description="Its required paths.")
    outcomes: dict[str, str] | None = Field(default=None, description="Its outcomes.")
    priorities: dict[Priority, str] | None = Field(default=None, description="Its priorities.")
    closed_statuses: tuple[str, ...] | None = Field(default=None, description="Its closed statuses.")
    constants: dict[str, str | int | bool] | None = Field(default=None, description="Its `create.constants`.")


class CoreCaseSettings(Settings):
    """Settings of a connection to OpenText Core Case. Definition, fields and words are those of the first definition;
    `of` gives the settings as another definition has them."""

    base_url: str = Field(description="Host and app prefix before `/api/v1`, such as https://us.example.com/case.")
    definition_id: str = Field(min_length=1, description="Id (uuid) of the case definition, also sent as caseType.id.")
    config_id: str = Field(min_length=1, description="`caseConfigId` of that definition.")
    definitions: dict[str, DefinitionSettings] = Field(
        default={}, description="Further case definitions by the name that flows ask for; the first needs no name."
    )
    auth: AuthSettings = Field(description="How to sign in.")
    requests_per_second: float = Field(
        default=4.7, gt=0, le=1000, description="Requests to the account, of all tenants together, without bursts."
    )
    retry_statuses: tuple[int, ...] = Field(
        default=(), description="Further HTTP statuses that surely had no effect and are worth another try."
    )
    service_account: tuple[str, ...] = Field(
        default=(), description="Ids, etsUuids or e-mails of our own account: its changes wake nobody."
    )
    case_url: str = Field(
        default="", description="Where people open a case; {id} and {number} are filled in. Empty: no link."
    )
    closed_statuses: tuple[str, ...] = Field(default=("Closed",), description="Statuses that mean closed, any case.")
    priorities: dict[Priority, str] = Field(
        default={"low": "Low", "normal": "Medium", "high": "High", "urgent": "Urgent"},
        description="Our priorities in the words of the case definition.",
    )
    outcomes: dict[str, str] = Field(
        default={},
        description="Outcomes of the case definition -> what flows are told; one that is not named is told as it is.",
    )
    decider: Literal["attribute", "comment", "task"] = Field(
        default="attribute",
        description="Who decided: `fields.decided_by`, or else the author of the last comment or finished task.",
    )
    owner_form: Literal["text", "id", "etsUuid", "email"] = Field(
        default="text", description="An owner is sent as a text, or as an object with this key and a caseIdentityType."
    )
    functional_roles: tuple[str, ...] = Field(
        default=(), description="Owners that are roles: sent as `FunctionalRole`, others as `User`."
    )
    attributes: Places = Field(
        default={}, description="Attribute name of the flows -> dotted path in the case, or path with type and length."
    )
    required: tuple[str, ...] = Field(
        default=(), description="Dotted paths that no case may be without: a create that lacks one is refused."
    )
    unmapped: Literal["custom", "refuse", "leave_out"] = Field(
        default="custom",
        description="Attributes without a path: put below `fields.custom`, refuse the command, or drop.",
    )
    look_first: bool = Field(
        default=True, description="Look whether a case or comment of ours exists before making it (one more request)."
    )
    timeout: float = Field(default=30, gt=0, le=30, description="Seconds for one request.")
    timestamps: Literal["zulu", "offset"] = Field(
        default="zulu", description="Times we send: ...Z or ...+0000, always UTC."
    )
    paths: PathSettings = Field(default_factory=PathSettings, description="Method and path of every operation.")
    create: CreateSettings = Field(default_factory=CreateSettings, description="How a case is made.")
    fields: FieldSettings = Field(default_factory=FieldSettings, description="Where things are in a case.")
    comments: CommentSettings = Field(default_factory=CommentSettings, description="How comments look.")
    listing: ListingSettings = Field(default_factory=ListingSettings, description="Lists, search and polling.")
    edit: EditSettings = Field(default_factory=EditSettings, description="How case data is changed.")
    attachments: AttachmentSettings = Field(default_factory=AttachmentSettings, description="How documents look.")
    close: CloseSettings = Field(default_factory=CloseSettings, description="How a case is closed.")
    tasks: TaskSettings = Field(default_factory=TaskSettings, description="How tasks look.")
    declares: DeclarationSettings = Field(
        default_factory=DeclarationSettings, description="Where a definition's answer declares things."
    )
    hook: HookSettings = Field(default_factory=HookSettings, description="How a workflow calls us.")
    hook_secret: Secret | None = Field(default=None, description="Its secret; none: nobody may call, cases are polled.")
    previous_hook_secret: Secret | None = Field(default=None, description="The former secret while it is rotated.")
    test_definition: str = Field(
        default="",
        description="Name of the definition on which `check --live` may make a case, comment, attach and close it.",
    )
    _name: str = PrivateAttr("")

    @field_validator("base_url")
    @classmethod
    def _url(cls, value: str) -> str:
        return checked_url(value, "base_url")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        needs = {
            "listing.find": self.listing.find != "none",
            "listing.changes": self.listing.changes == "listing",
        }
        if not self.paths.list_cases and (asking := [name for name, asks in needs.items() if asks]):
            raise ValueError(f"`paths.list_cases` is empty, but needed by {' and '.join(asking)}: set none / watch")
        if self.listing.find != "none" and not self.fields.reference:
            raise ValueError("`listing.find` needs `fields.reference`: without it a case cannot be told to be ours")
        if self.paths.read_case == "":
            raise ValueError("`paths.read_case` cannot be empty: outcomes are read with it")
        if self.decider == "task" and not self.paths.list_tasks:
            raise ValueError("`decider: task` needs `paths.list_tasks`")
        if self.decider == "comment" and not self.paths.list_comments:
            raise ValueError("`decider: comment` needs `paths.list_comments`")
        if self.test_definition and self.test_definition not in self.definitions:
            raise ValueError(f"`test_definition`: there is no {self.test_definition!r} in `definitions`")
        if wrong := [name for name in self.definitions if not name or "/" in name]:
            raise ValueError(f"`definitions`: {wrong[0]!r} is no name: at least a letter, no slash")
        return self

    @property
    def definition(self) -> str:
        """Name of the definition that these settings are for; empty for the first."""
        return self._name

    def of(self, name: str) -> CoreCaseSettings:
        """The settings as the definition `name` has them; `KeyError` if there is none."""
        if not name:
            return self
        theirs = self.definitions[name]
        given = {key: value for key in _PER_DEFINITION if (value := getattr(theirs, key)) is not None}
        if theirs.fields is not None:
            changed = {key: getattr(theirs.fields, key) for key in theirs.fields.model_fields_set}
            given["fields"] = self.fields.model_copy(update=changed)
        if theirs.constants is not None:
            given["create"] = self.create.model_copy(update={"constants": theirs.constants})
        copied = self.model_copy(update=given)
        copied._name = name
        return copied

    @property
    def account(self) -> str:
        """Names the remote account, for pacing: where it is and whose it is."""
        return f"{self.base_url} {self.auth.tenant_id or self.auth.token_url}"

    def dialect(self) -> Dialect:
        """What the client must know of all this."""
        lists, comments, create = self.listing, self.comments, self.create
        return Dialect(
            definition=self.definition_id,
            operations=self.paths.model_dump(),
            paging=Paging(
                style=lists.paging,
                size=lists.page_size,
                page_param=lists.page_param,
                size_param=lists.size_param,
                first_page=lists.first_page,
                offset_param=lists.offset_param,
                count_param=lists.count_param,
            ),
            encoding=create.encoding,
            case_part=create.case_part,
            case_filename=create.case_filename,
            case_media_type=create.case_media_type,
            file_part=create.file_part,
            attachment_part=create.attachment_part,
            cases_items=lists.items,
            comments_items=comments.items,
            comments_paged=comments.paged,
            comment_body=comments.also,
            comment_key=comments.text,
            attachments_items=self.attachments.items,
            attachments_paged=self.attachments.paged,
            tasks_items=self.tasks.items,
            retry_statuses=frozenset(self.retry_statuses),
        )


_PER_DEFINITION = ("definition_id", "config_id", "attributes", "required", "outcomes", "priorities", "closed_statuses")
