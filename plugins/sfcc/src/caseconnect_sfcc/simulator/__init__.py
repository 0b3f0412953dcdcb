"""A stateful stand-in for Salesforce B2C Commerce: SCAPI Admin and OCAPI (Data 25.6, Shop) over one set of records.

Written from public specifications and documentation; it shares no code with the client. What the sources leave open
is named in the plugin's README.
"""

from .app import Clock, SfccSimulator, create_app
from .faults import ConnectionDropped, Fault
from .scenarios import SITUATIONS, create_customer, create_order, create_product, hand_in, import_feed
from .settings import AgentUser, ApiClient, CartridgeSettings, InstanceSettings, SfccSettings, permissions
from .world.instance import Instance
from .world.ledger import Effect
from .world.refusals import Refused, SpecError

__all__ = [
    "SITUATIONS",
    "AgentUser",
    "ApiClient",
    "CartridgeSettings",
    "Clock",
    "ConnectionDropped",
    "Effect",
    "Fault",
    "Instance",
    "InstanceSettings",
    "Refused",
    "SfccSettings",
    "SfccSimulator",
    "SpecError",
    "create_app",
    "create_customer",
    "create_order",
    "create_product",
    "hand_in",
    "import_feed",
    "permissions",
]
