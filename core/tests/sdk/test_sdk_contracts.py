"""The contract tests pass on a well-made toy, and each catches the toy that breaks its rule."""

from __future__ import annotations

from typing import Any

import toy_shop as toy

from caseconnect.sdk.testing import PluginContract, SinkContract, SourceContract

PLUGIN = toy.make_plugin()


class TestToyPlugin(PluginContract):
    plugin = PLUGIN


class TestToySource(SourceContract):
    plugin = PLUGIN

    def world(self, now: Any) -> Any:
        return toy.ToyWorld(now)


class TestToySink(SinkContract):
    plugin = PLUGIN

    def world(self, now: Any) -> Any:
        return toy.ToyWorld(now)
