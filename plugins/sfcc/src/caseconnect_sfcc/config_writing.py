"""Settings of what is written: where our words go on orders, profiles, products, content; the staging instance."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from caseconnect.sdk.addresses import checked_url
from caseconnect.sdk.components import Settings

ProfileField = Literal[
    "firstName",
    "secondName",
    "lastName",
    "salutation",
    "title",
    "suffix",
    "companyName",
    "jobTitle",
    "birthday",
    "email",
    "phoneHome",
    "phoneMobile",
    "phoneBusiness",
    "fax",
    "preferredLocale",
]


class StagingSettings(Settings):
    """The staging instance, where catalog and content are edited. The connection's clients must be allowed there."""

    organization_id: str = Field(
        description="Its organization id, such as f_ecom_zzxy_stg.", pattern=r"^f_ecom_[a-z]{4}_stg$"
    )
    host: str = Field(description="Its host.", pattern=r"^[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?$")
    ocapi_base_url: str | None = Field(
        None, description="Where its OCAPI is instead: a simulator; http only on this machine."
    )

    @field_validator("ocapi_base_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return value if value is None else checked_url(value, "writing.staging.ocapi_base_url")


class WritingSettings(Settings):
    """Names of what is written. Attributes are named by their ids, without `c_`; the cartridge brings the defaults."""

    order_attributes: dict[str, str] = Field(
        {
            "case_number": "caseconnectCase",
            "case_status": "caseconnectCaseStatus",
            "case_outcome": "caseconnectCaseOutcome",
            "case_url": "caseconnectCaseLink",
            "case_priority": "caseconnectPriority",
        },
        description="Name that a use case writes -> order attribute. A name that is not here is the attribute itself.",
    )
    order_tags: str = Field("caseconnectTags", description="Order attribute (set of strings) that tags go to.")
    profile_attributes: dict[str, str] = Field(
        {"case_number": "caseconnectCase"}, description="Name that a use case writes -> attribute of the profile."
    )
    profile_tags: str = Field("caseconnectTags", description="Profile attribute (set of strings) that tags go to.")
    correctable: tuple[ProfileField, ...] = Field(
        ("firstName", "lastName", "salutation", "companyName", "phoneHome", "phoneMobile", "phoneBusiness"),
        description="Fields of a profile that may be corrected.",
    )
    return_approved: str = Field("approved", description="Status word of a return that was approved.")
    return_declined: str = Field("declined", description="Status word of a return that was declined.")
    sender_name: str = Field("Customer Service", max_length=256, description="Who a gift certificate is from.")
    recall: str = Field("caseconnectRecall", description="Product attribute that keeps what a recall changed.")
    suppress_by: tuple[Literal["onlineFlag", "searchable"], ...] = Field(
        ("onlineFlag",), min_length=1, description="Flags that a recall takes off, for each of `sites`."
    )
    site_key: str = Field(
        "{site}", description="Form of a site's key in those flags, for a product that has none yet; or default@{site}."
    )
    checkout_notice: str = Field(
        "caseconnect-checkout-notice", description="Content asset that checkout shows (see the cartridge's README)."
    )
    libraries: dict[str, str] = Field({}, description="Library of a site's content, where it is not the site's own.")
    job: str = Field("CaseConnectActions", description="Job that carries actions out.")
    start_job: bool = Field(
        False, description="Start the job after each action; what comes while it runs still waits for its schedule."
    )
    staging: StagingSettings | None = Field(
        None, description="Where catalog and content are edited and published from; without it, this instance itself."
    )

    @field_validator("site_key")
    @classmethod
    def _site_key(cls, value: str) -> str:
        if "{site}" not in value:
            raise ValueError("the form of a site's key holds {site}, as in default@{site}")
        return value
