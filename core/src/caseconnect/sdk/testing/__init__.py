"""Contract tests and virtual time, for the tests of a plugin: install `caseconnect[testing]`.

    from caseconnect.sdk.testing import PluginContract, SourceContract
    from my_package import plugin

    class TestPlugin(PluginContract):
        plugin = plugin

    class TestSource(SourceContract):
        plugin = plugin

        def world(self, now):
            return MyWorld(now)

`MyWorld` is a `SourceWorld`, a `SinkWorld` or both: it starts the simulated platform and says what is in it.
Everything runs in this process, in virtual time, without a socket.
"""

from caseconnect.sdk.testing.plugin import PluginContract, offered
from caseconnect.sdk.testing.resources import MemorySecrets, RecordingLog, make_resources
from caseconnect.sdk.testing.rig import ContractBroken, Rig, in_virtual_time, require
from caseconnect.sdk.testing.sink import SinkContract
from caseconnect.sdk.testing.source import SourceContract, ToldSourceContract
from caseconnect.sdk.testing.transform import Situation, TransformContract, matter_after
from caseconnect.sdk.testing.virtual import START, LoopClock, VirtualTimeLoop, run
from caseconnect.sdk.testing.wire import Fault, Wire
from caseconnect.sdk.testing.world import Pushed, SinkWorld, SourceWorld, ToldWorld, World

__all__ = [
    "START",
    "ContractBroken",
    "Fault",
    "LoopClock",
    "MemorySecrets",
    "PluginContract",
    "Pushed",
    "RecordingLog",
    "Rig",
    "SinkContract",
    "SinkWorld",
    "Situation",
    "SourceContract",
    "SourceWorld",
    "ToldSourceContract",
    "ToldWorld",
    "TransformContract",
    "VirtualTimeLoop",
    "Wire",
    "World",
    "in_virtual_time",
    "make_resources",
    "matter_after",
    "offered",
    "require",
    "run",
]
