"""Settings of one Core Case account.

Core Case's public material leaves open what the reference sheet §8 lists; each of these is a setting with our own
default. Only what no default can be right for is required: base URL, the two ids of the case type, how to sign in.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from caseconnect.sdk.addresses import checked_url
from caseconnect.sdk.components import Settings
from caseconnect.sdk.secrets import Secret

from .auth import Form
from .config_api import CommentSettings, CreateSettings, ListingSettings, PathSettings
from .config_fields import AttributeSettings, EditSettings, FieldSettings
from .dialect import Dialect, Paging


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


class CoreCaseSettings(Settings):
    """Settings of a connection to OpenText Core Case."""

    base_url: str = Field(description="Host and app prefix before `/api/v1`, such as https://us.example.com/case.")
    definition_id: str = Field(min_length=1, description="Id (uuid) of the case definition, also sent as caseType.id.")
    config_id: str = Field(min_length=1, description="`caseConfigId` of that definition.")
    auth: AuthSettings = Field(description="How to sign in.")
    service_account: tuple[str, ...] = Field(
        default=(), description="Ids, etsUuids or e-mails of our own account: its changes wake nobody."
    )
    case_url: str = Field(
        default="", description="Where people open a case; {id} and {number} are filled in. Empty: no link."
    )
    closed_statuses: tuple[str, ...] = Field(default=("Closed",), description="Statuses that mean closed, any case.")
    priorities: dict[Literal["low", "normal", "high", "urgent"], str] = Field(
        default={"low": "Low", "normal": "Medium", "high": "High", "urgent": "Urgent"},
        description="Our priorities in the words of the case definition.",
    )
    attributes: dict[str, str | AttributeSettings] = Field(
        default={}, description="Attribute name of the flows -> dotted path in the case, or path with type and length."
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
        return self

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
        )
