"""The settings of a connection to B2C Commerce: two credential sets, sites, and how the merchant names things."""

from __future__ import annotations

from typing import Final, Self

from pydantic import Field, field_validator, model_validator

from caseconnect.sdk.addresses import checked_url
from caseconnect.sdk.components import Settings
from caseconnect.sdk.secrets import Secret

from .config_late import LATE, LateRule
from .config_objects import ActionObjects, ClaimObjects, ComplaintObjects, DisputeObjects, FileSettings, ReturnObjects
from .config_orders import CustomerAttributes, OrderAttributes, RiskSettings
from .config_writing import WritingSettings

EXAMPLE: Final = """\
sites: [RefArch]
scapi:
  short_code: kv7kzm78
  organization_id: f_ecom_zzxy_prd
  client_id: 11111111-2222-3333-4444-555555555555
  client_secret: {env: SFCC_SCAPI_SECRET}
ocapi:
  host: www.brand.example
  client_id: 66666666-7777-8888-9999-000000000000
  client_secret: {env: SFCC_OCAPI_SECRET}
"""
"""The smallest settings, as they stand in a tenant file."""


class ScapiSettings(Settings):
    """Credentials of SCAPI Admin: an Account Manager client with the role Salesforce Commerce API."""

    short_code: str = Field(description="Short code of the realm, eight characters.", pattern=r"^[a-z0-9]{4,16}$")
    organization_id: str = Field(
        description="Organization id of the instance, such as f_ecom_zzxy_prd.",
        pattern=r"^f_ecom_[a-z]{4}_(prd|stg|dev|s[0-9]{2}|[0-9]{3})$",
    )
    client_id: str = Field(min_length=1, description="Id of the Account Manager client.")
    client_secret: Secret = Field(description="Its password.")
    base_url: str | None = Field(None, description="Where SCAPI is instead: a simulator; http only on this machine.")

    @field_validator("base_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return value if value is None else checked_url(value, "scapi.base_url")

    @property
    def tenant(self) -> str:
        """Realm and instance, such as zzxy_prd (sfcc.md §1)."""
        return self.organization_id.removeprefix("f_ecom_")

    def api_url(self) -> str:
        """Origin of SCAPI."""
        return self.base_url or f"https://{self.short_code}.api.commercecloud.salesforce.com"


class OcapiSettings(Settings):
    """Credentials of OCAPI (Shop and Data API): another Account Manager client; one client cannot serve both."""

    host: str = Field(
        description="Vanity host of the instance (production and development), or *.dx.commercecloud.salesforce.com.",
        pattern=r"^[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?$",
    )
    client_id: str = Field(min_length=1, description="Id of the Account Manager client.")
    client_secret: Secret = Field(description="Its password.")
    version: str = Field("v25_6", description="Version of OCAPI.", pattern=r"^v\d\d_\d{1,2}$")
    user: Secret | None = Field(
        None, description="Business Manager user for the Shop API, where the client alone is refused there."
    )
    password: Secret | None = Field(None, description="Access key of that user.")
    base_url: str | None = Field(None, description="Where OCAPI is instead: a simulator; http only on this machine.")

    @field_validator("base_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return value if value is None else checked_url(value, "ocapi.base_url")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("give `user` and `password`, or neither")
        return self

    def api_url(self) -> str:
        """Origin, and perhaps a path, of OCAPI and WebDAV."""
        return self.base_url or f"https://{self.host}"


class SfccSettings(Settings):
    """One instance of B2C Commerce (SCAPI Orders 1.5, OCAPI 25.6), seen through its sites."""

    sites: tuple[str, ...] = Field(min_length=1, description="Ids of the sites whose orders are worked.")
    scapi: ScapiSettings = Field(description="Credentials of SCAPI Admin.")
    ocapi: OcapiSettings = Field(description="Credentials of OCAPI.")
    account_manager_url: str = Field(
        "https://account.demandware.com", description="Where access tokens are given; http only on this machine."
    )
    customer_lists: dict[str, str] = Field({}, description="Customer list of a site, where it is not the site's id.")
    order_url: str = Field(
        "", description="Where staff see an order; {order_no} and {site} are filled in. Empty: no link."
    )
    overlap_seconds: int = Field(
        300, ge=1, le=86_400, description="How far each poll looks back: more than the search index lags."
    )
    page_size: int = Field(200, ge=1, le=200, description="Hits of one page of a search; the platform allows 200.")
    history_limit: int = Field(20, ge=1, le=190, description="How many other orders of a shopper are read at most.")
    read_notes: bool = Field(True, description="Read the notes of an order (one more request).")
    read_related: bool = Field(True, description="Read the returns and disputes of an order (two more requests).")
    orders: OrderAttributes = Field(default_factory=OrderAttributes, description="Attributes of orders.")
    customers: CustomerAttributes = Field(default_factory=CustomerAttributes, description="Attributes of profiles.")
    product_notice: str = Field("caseconnectNotice", description="Product attribute with the notice for shoppers.")
    risk: RiskSettings = Field(default_factory=RiskSettings, description="Where fraud services write.")
    returns: ReturnObjects = Field(default_factory=ReturnObjects, description="Custom objects of returns.")
    complaints: ComplaintObjects = Field(default_factory=ComplaintObjects, description="Custom objects of complaints.")
    claims: ClaimObjects = Field(default_factory=ClaimObjects, description="Custom objects of warranty claims.")
    disputes: DisputeObjects = Field(default_factory=DisputeObjects, description="Custom objects of disputes.")
    actions: ActionObjects = Field(default_factory=ActionObjects, description="Custom objects of the cartridge's job.")
    writing: WritingSettings = Field(default_factory=WritingSettings, description="Where our words go.")
    files: FileSettings = Field(default_factory=FileSettings, description="Files that shoppers uploaded.")
    late: tuple[LateRule, ...] = Field(LATE, description="What only time reveals; an empty list: nothing.")
    late_every: float = Field(10, gt=0, le=1440, description="Minutes between two looks for late orders.")

    @field_validator("account_manager_url")
    @classmethod
    def _url(cls, value: str) -> str:
        return checked_url(value, "account_manager_url")

    @field_validator("sites")
    @classmethod
    def _sites(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        bad = [site for site in value if not 1 <= len(site) <= 32 or not site.replace("-", "_").isidentifier()]
        if bad or len(set(value)) != len(value):
            raise ValueError("each site is named once, by its id: letters, digits, '-' and '_', at most 32")
        return value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.scapi.client_id == self.ocapi.client_id:
            raise ValueError(
                "`scapi.client_id` and `ocapi.client_id` are the same: a client with the role Salesforce Commerce API "
                "is refused by OCAPI; make two clients in Account Manager"
            )
        if unknown := sorted(set(self.customer_lists) - set(self.sites)):
            raise ValueError(f"`customer_lists` names {', '.join(unknown)}, which is none of `sites`")
        if len({rule.name for rule in self.late}) != len(self.late):
            raise ValueError("two rules of `late` have the same name")
        return self

    def customer_list(self, site: str) -> str:
        """The customer list of a site."""
        return self.customer_lists.get(site, site)

    def url_of(self, site: str, order_no: str) -> str | None:
        """Where staff see an order."""
        if not self.order_url:
            return None
        return self.order_url.replace("{order_no}", order_no).replace("{site}", site)
