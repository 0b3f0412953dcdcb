"""Loading plugins: what is found, what is broken and why, and that nothing of a broken one is used."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest

from caseconnect.host import plugins
from caseconnect.host.plugin_rules import HOOKS
from caseconnect.host.plugins import Installed, Plugin
from caseconnect.sdk import SDK_VERSION

HEAD = """
from datetime import timedelta
from pydantic import Field
from caseconnect.models import Order
from caseconnect.sdk import hookimpl
from caseconnect.sdk.commands import AnnotateOrder, OpenCase
from caseconnect.sdk.components import *
from caseconnect.sdk.components import Settings
from caseconnect.sdk.events import OrderChanged

class Toy(Settings):
    url: str = Field(description="Where it is.")

def build(settings, resources):
    raise NotImplementedError

def source(name="toy", **more):
    return SourceSpec(**{**dict(name=name, summary="A toy.", settings=Toy, build=build, account=lambda s: s.url,
        emits=frozenset({OrderChanged}), facts={"order": Order}, roots=frozenset({"order"}), pacing=Pacing(1, 1)),
        **more})

def sink(name="toy", **more):
    return SinkSpec(**{**dict(name=name, summary="A toy.", settings=Toy, build=build,
        commands={AnnotateOrder: Repeat.STATE}), **more})

def transform(name="rule", **more):
    return TransformSpec(**{**dict(name=name, summary="A rule.", settings=Toy, topic="toys",
        handles=frozenset({OrderChanged}), needs=frozenset({"order"}), uses=frozenset({OpenCase}), decide=print),
        **more})
"""

GOOD = """
@hookimpl
def connect_register_sources(register: Registrar[SourceSpec]) -> None:
    register.add(source({name!r}))
"""

Install = Callable[..., None]


class Shelf:
    """Plugins installed below a folder, as pip leaves them there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: list[str] = []

    def put(
        self, name: str, body: str, *, requires: str = "caseconnect>=0.1", distribution: str = "", head: str = HEAD
    ) -> None:
        module, distribution = f"shelf_{len(self.modules)}_{name}", distribution or f"toys-{name}"
        self.modules.append(module)
        (self.folder / f"{module}.py").write_text(head + textwrap.dedent(body))
        info = self.folder / f"{distribution.replace('-', '_')}_{len(self.modules)}-1.2.dist-info"
        info.mkdir()
        wants = "".join(f"Requires-Dist: {r}\n" for r in requires.split(" | "))
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n{wants}")
        (info / "entry_points.txt").write_text(f"[connect]\n{name} = {module}\n")

    def good(self, name: str) -> None:
        self.put(name, GOOD.format(name=name))

    def load(self, *disabled: str) -> Installed:
        found = distributions(path=[str(self.folder)])
        return plugins.load(disabled, [e for d in found for e in d.entry_points if e.group == plugins.GROUP])

    def why(self, name: str) -> str:
        """The reason why a plugin is broken, after seeing that nothing of it is used and that a good one runs."""
        self.good("zz_good")
        installed = self.load()
        plugin = by_name(installed, name)
        assert plugin.broken
        assert installed.sources.keys() == {"zz_good"}
        rest = (installed.sinks, installed.triggers, installed.transforms, installed.simulators)
        assert rest == ({}, {}, {}, {})
        assert by_name(installed, "zz_good").broken is None
        return plugin.broken


def by_name(installed: Installed, name: str) -> Plugin:
    return next(p for p in installed.plugins if p.name == name)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.syspath_prepend(tmp_path)
    made = Shelf(tmp_path)
    yield made
    for module in made.modules:
        sys.modules.pop(module, None)


def test_offers_are_listed_in_name_order_with_their_distribution(shelf: Shelf) -> None:
    shelf.good("zebra")
    shelf.put(
        "ant",
        """
        @hookimpl
        def connect_register_sources(register):
            register.add(source("ant", stability="stable"))
        @hookimpl
        def connect_register_sinks(register: Registrar[SinkSpec]) -> None:
            register.add(sink("ant", stability="experimental"))
        @hookimpl
        def connect_register_triggers(register: Registrar[TriggerSpec]):
            register.add(TriggerSpec("ant", "Wakes it.", Toy, wakes=lambda s: [Every(timedelta(minutes=1))]))
        @hookimpl
        def connect_register_transforms(register):
            register.add(transform())
        @hookimpl
        def connect_register_simulators():
            pass
        """,
    )
    installed = shelf.load()
    assert [p.name for p in installed.plugins] == ["ant", "zebra"]
    ant = installed.plugins[0]
    assert (ant.distribution, ant.version, ant.broken) == ("toys-ant", "1.2", None)
    assert [(o.kind, o.name) for o in ant.offers] == [
        ("source", "ant"),
        ("sink", "ant"),
        ("trigger", "ant"),
        ("transform", "rule"),
    ]
    assert ant.stability == "experimental"
    assert installed.platforms() == ["ant", "zebra"]
    assert installed.settings_of("ant") is installed.sinks["ant"].settings
    assert installed.settings_of("nothing") is None
    assert installed.owner("transform", "rule") is ant


def test_import_error_names_the_cause_and_the_place(shelf: Shelf) -> None:
    shelf.put("bad", "import no_such_module_here\n", head="")
    reason = shelf.why("bad")
    assert "cannot be imported" in reason
    assert "No module named 'no_such_module_here'" in reason
    assert "shelf_0_bad.py:1]" in reason


@pytest.mark.parametrize(
    "raised", ["SystemExit(3)", "GeneratorExit()", "RuntimeError('x' * 5000)", "BaseException('odd')"]
)
def test_whatever_import_raises_is_guarded(shelf: Shelf, raised: str) -> None:
    shelf.put("bad", f"raise {raised}\n")
    assert len(shelf.why("bad")) < 500


def test_keyboard_interrupt_is_the_users(shelf: Shelf) -> None:
    shelf.put("bad", "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        shelf.load()


def test_import_of_a_newer_sdk_name_says_which_sdk_this_is(shelf: Shelf) -> None:
    shelf.put("bad", "from caseconnect.sdk.events import MoonChanged\n")
    assert f"(this is SDK {SDK_VERSION})" in shelf.why("bad")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("@hookimpl\ndef connect_register_source(register): ...", "did you mean connect_register_sources?"),
        ("@hookimpl\ndef something_else(register): ...", "something_else is no hook: the hooks are"),
        ("def connect_register_sources(register): ...", "write @hookimpl above it"),
        ("def conect_register_sources(register): ...", "did you mean connect_register_sources?"),
        ("def connect_register_sauces(register): ...", "did you mean connect_register_sources?"),
        (
            "@hookimpl\ndef connect_register_sources(registrar): ...",
            "wrong signature: it is connect_register_sources(register:",
        ),
        ("@hookimpl\ndef connect_register_sources(register, more): ...", "wrong signature"),
        ("@hookimpl\ndef connect_register_sources(register: int): ...", "wrong annotation of 'register'"),
        ("@hookimpl\ndef connect_register_sources(register: Registrar[SinkSpec]): ...", "wrong annotation"),
        ("@hookimpl\ndef connect_register_sources(register) -> str: ...", "wrong annotation of 'return'"),
        ("@hookimpl\nasync def connect_register_sources(register): ...", "async or a generator"),
        ("@hookimpl(wrapper=True)\ndef connect_register_sources(register):\n    return (yield)", "hook wrapper"),
        ("x = 1", "implements no hook"),
    ],
)
def test_wrong_hook_functions(shelf: Shelf, body: str, expected: str) -> None:
    shelf.put("bad", body)
    assert expected in shelf.why("bad")


@pytest.mark.parametrize(
    "body",
    [
        "@hookimpl(specname='connect_register_sources')\ndef offer(register):\n    register.add(source('fine'))",
        "@hookimpl(optionalhook=True)\ndef connect_register_later(register): ...\n" + GOOD.format(name="fine"),
        "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
        "    from caseconnect.sdk.components import Registrar\n" + GOOD.format(name="fine"),
        "def connect_to_it(x: int) -> None: ...\n" + GOOD.format(name="fine"),
    ],
)
def test_right_hook_functions(shelf: Shelf, body: str) -> None:
    future = "from __future__ import annotations\n" if body.startswith("from __future__") else ""
    shelf.put("fine", body.removeprefix(future), head=future + HEAD)
    installed = shelf.load()
    assert installed.plugins[0].broken is None
    assert installed.sources.keys() == {"fine"}


@pytest.mark.parametrize("wanted", ["9.0", "0.99", "1.0", "soon", "0.1.5"])
def test_a_newer_or_unreadable_sdk_demand_is_refused(shelf: Shelf, wanted: str) -> None:
    shelf.put("bad", f"requires_sdk = {wanted!r}\n" + GOOD.format(name="bad"))
    assert wanted in shelf.why("bad")


def test_this_sdk_is_accepted(shelf: Shelf) -> None:
    shelf.put("fine", f"requires_sdk = {SDK_VERSION!r}\n" + GOOD.format(name="fine"))
    assert by_name(shelf.load(), "fine").broken is None


def test_requires_dist_is_read_before_the_import(shelf: Shelf) -> None:
    shelf.put("bad", "raise RuntimeError('imported')\n", requires="httpx>=99 | CaseConnect[testing]>=99.1,<100")
    assert "asks for caseconnect<100,>=99.1" in shelf.why("bad")


def test_requires_dist_under_a_marker_counts_only_where_it_holds(shelf: Shelf) -> None:
    shelf.put("fine", GOOD.format(name="fine"), requires="caseconnect>=99; extra == 'future' | caseconnect>=0.1")
    assert by_name(shelf.load(), "fine").broken is None


@pytest.mark.parametrize(
    ("offer", "expected"),
    [
        ("sources:source('Bad-Name')", "lower case letters"),
        ("sources:source('x', summary=' ')", "summary must be one line"),
        ("sources:source('x', stability='solid')", "none of experimental, beta, stable"),
        ("sources:source('x', settings=dict)", "derived from caseconnect.sdk.components.Settings"),
        ("sources:source('x', settings=Mute)", "Mute.word has no description"),
        ("sources:source('x', settings=Outer)", "Inner (at inner) must refuse unknown keys"),
        ("sources:source('x', emits=frozenset({str}))", "emits: str is unknown"),
        ("sources:source('x', emits=frozenset())", "emits is empty"),
        ("sources:source('x', facts={'order': Settings})", "must be a Record class"),
        ("sources:source('x', facts={'case': Order})", "the fact 'case' is a Case, not a Order"),
        ("sources:source('x', pacing=Pacing(0, 1))", "above zero"),
        ("sources:source('x', build=None)", "build must be a function"),
        ("sources:sink('x')", "takes a SourceSpec, not a SinkSpec"),
        ("sources:42", "takes a SourceSpec, not a int"),
        ("sinks:sink('x', commands={int: Repeat.STATE})", "commands: int is unknown"),
        ("sinks:sink('x', commands={AnnotateOrder: 'maybe'})", "say how a repeat of AnnotateOrder is safe"),
        ("sinks:sink('x', commands={})", "commands is empty"),
        ("sinks:sink('x', lateness=timedelta(seconds=-1))", "lateness must not be negative"),
        ("transforms:transform('x', topic='A b')", "the topic 'A b'"),
        ("transforms:transform('x', uses=frozenset({int}))", "uses: int is unknown"),
        ("transforms:transform('x', handles=frozenset())", "handles is empty"),
        ("transforms:transform('x', needs=frozenset({'An Order'}))", "no name of a fact"),
        ("transforms:transform('x', decide=later)", "pure and sync"),
        ("triggers:TriggerSpec('x', 'x', Toy, wakes=None)", "wakes must be a function"),
        ("simulators:SimulatorSpec('x', 'x', app=None)", "app must be a function"),
    ],
)
def test_unfit_specs(shelf: Shelf, offer: str, expected: str) -> None:
    hook, _, spec = offer.partition(":")
    body = f"""
    from pydantic import BaseModel
    class Mute(Settings):
        word: str = ""
    class Inner(BaseModel):
        word: str = Field("", description="A word.")
    class Outer(Settings):
        inner: list[Inner] = Field([], description="Words.")
    async def later(*_): ...
    @hookimpl
    def connect_register_{hook}(register):
        register.add({spec})
    """
    shelf.put("bad", body)
    assert expected in shelf.why("bad")


def test_a_refusal_that_the_plugin_swallows_still_counts(shelf: Shelf) -> None:
    body = """
    @hookimpl
    def connect_register_sources(register):
        register.add(source("fine"))
        try:
            register.add(source("NOT FINE"))
        except Exception:
            pass
    """
    shelf.put("bad", body)
    assert "NOT FINE" in shelf.why("bad")


def test_a_hook_that_raises_takes_back_what_earlier_hooks_offered(shelf: Shelf) -> None:
    body = """
    @hookimpl
    def connect_register_sources(register):
        register.add(source("fine"))
    @hookimpl
    def connect_register_sinks(register):
        raise ZeroDivisionError("no sinks today")
    """
    shelf.put("bad", body)
    reason = shelf.why("bad")
    assert reason.startswith("connect_register_sinks failed: ZeroDivisionError: no sinks today [")


def test_a_registrar_kept_for_later_is_closed(shelf: Shelf) -> None:
    body = """
    kept = []
    @hookimpl
    def connect_register_sources(register):
        kept.append(register)
    @hookimpl
    def connect_register_sinks(register):
        kept[0].add(source("late"))
    """
    shelf.put("bad", body)
    assert "after the hook had returned" in shelf.why("bad")


def test_a_taken_name_breaks_the_later_plugin_only(shelf: Shelf) -> None:
    shelf.put("a_first", GOOD.format(name="toy"))
    shelf.put("b_second", GOOD.format(name="toy"))
    installed = shelf.load()
    assert by_name(installed, "a_first").broken is None
    assert "'toy' is already offered by the plugin 'a_first' (toys-a_first)" in str(
        by_name(installed, "b_second").broken
    )
    assert by_name(installed, "b_second").offers == ()


def test_one_name_with_two_settings_classes_is_refused(shelf: Shelf) -> None:
    shelf.put("a_first", GOOD.format(name="toy"))
    body = """
    @hookimpl
    def connect_register_sinks(register):
        register.add(sink("toy"))
    """
    shelf.put("b_second", body)
    installed = shelf.load()
    assert "share one settings class" in str(by_name(installed, "b_second").broken)
    assert not installed.sinks


def test_two_distributions_with_one_plugin_name(shelf: Shelf) -> None:
    shelf.put("same", GOOD.format(name="one"), distribution="a-dist")
    shelf.put("same", GOOD.format(name="two"), distribution="b-dist")
    installed = shelf.load()
    assert [bool(p.broken) for p in installed.plugins] == [False, True]
    assert installed.sources.keys() == {"one"}


def test_one_module_under_two_names(shelf: Shelf) -> None:
    shelf.good("a")
    info = shelf.folder / "again-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: again\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[connect]\nb = shelf_0_a\n")
    installed = shelf.load()
    assert "is already loaded as the plugin 'a'" in str(by_name(installed, "b").broken)


def test_a_disabled_plugin_is_shown_and_not_imported(shelf: Shelf) -> None:
    shelf.put("off", "raise RuntimeError('imported')\n")
    shelf.good("on")
    installed = shelf.load("off", "nowhere")
    off = by_name(installed, "off")
    assert (off.disabled, off.broken) == (True, None)
    assert installed.sources.keys() == {"on"}
    assert installed.unknown_disabled == ("nowhere",)
    assert "switched off by CONNECT_DISABLED_PLUGINS" in str(installed.why_absent(("source",), "off"))


def test_the_environment_variable_disables(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.good("one")
    shelf.good("two")
    monkeypatch.setenv(plugins.DISABLED_VARIABLE, " one, ,two ")
    found = [e for d in distributions(path=[str(shelf.folder)]) for e in d.entry_points]
    assert [p.disabled for p in plugins.load(entry_points=found).plugins] == [True, True]


def test_loading_twice_gives_the_same_and_shares_nothing(shelf: Shelf) -> None:
    shelf.good("one")
    first, second = shelf.load(), shelf.load()
    assert first.plugins == second.plugins
    first.sources.clear()
    assert second.sources.keys() == {"one"}


def test_why_absent_knows_what_a_broken_plugin_tried_to_offer(shelf: Shelf) -> None:
    body = """
    @hookimpl
    def connect_register_sources(register):
        register.add(source("fine"))
    @hookimpl
    def connect_register_sinks(register):
        raise ValueError("no")
    """
    shelf.put("bad", body)
    installed = shelf.load()
    assert "the plugin 'bad' is broken: connect_register_sinks failed" in str(installed.why_absent(("source",), "fine"))
    assert installed.why_absent(("transform",), "fine") is None


def test_every_hook_of_the_sdk_is_called() -> None:
    assert set(HOOKS) == set(plugins._KINDS)
