"""A stateful stand-in for OpenText Core Case, written from public material only.

It is a simulator: most of the API that it serves is assumed (see `Profile` and its evidence levels), and answers of
assumed operations say so in the header `X-Simulator`. It shares no code with the client.
"""

from .alternatives import ALTERNATIVE_PROFILES
from .app import CoreCaseSimulator, create_app
from .errors import ConnectionDropped, Refused
from .faults import Fault
from .loading import SettingsError
from .model import Attribute, Case, CaseInput, Identity, LedgerEntry
from .profile import Profile
from .settings import CoreCaseSimulatorSettings, DefinitionSettings, TenantSettings, UserSettings
from .spoken import SETTINGS_OF
from .store import CaseStore

__all__ = [
    "ALTERNATIVE_PROFILES",
    "SETTINGS_OF",
    "Attribute",
    "Case",
    "CaseInput",
    "CaseStore",
    "ConnectionDropped",
    "CoreCaseSimulator",
    "CoreCaseSimulatorSettings",
    "DefinitionSettings",
    "Fault",
    "Identity",
    "LedgerEntry",
    "Profile",
    "Refused",
    "SettingsError",
    "TenantSettings",
    "UserSettings",
    "create_app",
]
