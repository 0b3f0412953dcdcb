"""The contract tests pass on a well-made toy, and each catches the toy that breaks its rule."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from caseconnect.sdk.testing import PluginContract, SinkContract, SourceContract

_spec = importlib.util.spec_from_file_location("toy_shop", Path(__file__).with_name("toy_shop.py"))
toy = importlib.util.module_from_spec(_spec)
sys.modules["toy_shop"] = toy
_spec.loader.exec_module(toy)

PLUGIN = toy.make_plugin()


class TestToyPlugin(PluginContract):
    plugin = PLUGIN


class TestToySource(SourceContract):
    plugin = PLUGIN

    def world(self, now):
        return toy.ToyWorld(now)


class TestToySink(SinkContract):
    plugin = PLUGIN

    def world(self, now):
        return toy.ToyWorld(now)
