"""The daemon's own file, `connect.yaml`: what belongs to no tenant. As strict as tenant files, with the same errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import Field

from caseconnect.host.alerting.settings import AlertsPart
from caseconnect.host.numbers.settings import LogsSettings, MetricsSettings, TracesSettings
from caseconnect.host.tenants.changes import changes_in
from caseconnect.host.tenants.document import MAX_BYTES, read_document
from caseconnect.host.tenants.file_models import Part
from caseconnect.host.tenants.problems import ConfigProblem, Report
from caseconnect.host.tenants.problems import Path as KeyPath
from caseconnect.host.tenants.secrets import FileAndEnvSecrets, unresolved
from caseconnect.host.tenants.translate import validate
from caseconnect.host.web.console.settings import ConsoleSettings
from caseconnect.sdk.secrets import Secrets

DEFAULT = Path("connect.yaml")
"""Read if it is there and no other file is named."""


class DaemonFile(Part):
    """The keys of `connect.yaml`: a section for each part of the daemon that can be set."""

    alerts: AlertsPart = Field(AlertsPart(), description="Who is told of alerts, and what is watched.")
    metrics: MetricsSettings = Field(default_factory=MetricsSettings, description="The numbers at `/metrics`.")
    traces: TracesSettings = Field(default_factory=TracesSettings, description="OpenTelemetry; off by default.")
    logs: LogsSettings = Field(default_factory=LogsSettings, description="What is logged.")
    console: ConsoleSettings = Field(default=ConsoleSettings(), description="Who may see and do what, and where.")


@dataclass(frozen=True)
class DaemonSettings:
    """What the file says, or the defaults when there is none; secrets are resolved below the file's folder.

    `lines`: the line of each key path.
    """

    values: DaemonFile
    secrets: Secrets
    file: Path | None = None
    lines: Mapping[KeyPath, int] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The file, as people are told of it."""
        return str(self.file or DEFAULT)

    def metrics_token(self) -> str | None:
        """What a reader of `/metrics` has to show; None: nothing."""
        wanted = self.values.metrics.token
        return self.secrets.reveal(wanted) if wanted else None

    def followed(self, file: DaemonSettings) -> DaemonSettings:
        """What is in force after a running daemon has read `file`: all of it, but for what only a start can follow.

        Roles are those of one provider's people and groups, so they wait for the start together with it.
        """
        old, new = self.values.console, file.values.console
        stays = _FROM_THE_START if old.oidc == new.oidc else (*_FROM_THE_START, *_OF_THE_PROVIDER)
        console = new.model_copy(update={name: getattr(old, name) for name in stays})
        values = file.values.model_copy(update={"console": console, "traces": self.values.traces})
        return replace(file, values=values)

    def changes(self, new: DaemonSettings) -> tuple[str, ...]:
        """The key paths of `new` that are another there, as `connect tenants` shows them."""
        return tuple(changes_in(_plain(self.values), _plain(new.values)))


_FROM_THE_START = ("host", "port", "url", "tls", "oidc")
_OF_THE_PROVIDER = ("people", "groups")


def _plain(values: DaemonFile) -> dict[str, Any]:
    data = values.model_dump(mode="json", exclude_defaults=True)
    people = data.get("console", {}).get("people")
    if people:  # the addresses are nobody's key paths
        data["console"]["people"] = repr(people)
    return data


def load_daemon_file(file: Path | None) -> tuple[DaemonSettings | None, list[ConfigProblem]]:
    """The settings in `file` (None: `connect.yaml` if it is there), and all that is wrong; None if anything is."""
    place = file or (DEFAULT if DEFAULT.is_file() else None)
    if place is None:
        return DaemonSettings(DaemonFile(), FileAndEnvSecrets(Path())), []
    report = Report(str(place))
    try:
        with place.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        report.add((), f"the file cannot be read: {error.strerror}", "give the daemon's file with --config")
        return None, report.problems
    document = read_document(raw, report, begin="begin with a section, such as `console:`")
    values = None if report.problems else validate(DaemonFile, document.data, (), report)
    if values is None or report.problems:
        return None, report.in_order()
    return DaemonSettings(values, FileAndEnvSecrets(place.parent), place, document.lines), []


def missing_secrets(settings: DaemonSettings) -> list[ConfigProblem]:
    """The references of the file that do not resolve now. `serve` needs all of them, `check` none."""
    return unresolved([((), settings.values)], settings.secrets, Report(settings.name, settings.lines))


def reread(settings: DaemonSettings) -> tuple[DaemonSettings, list[ConfigProblem]]:
    """The file once more, and all that is wrong, a missing secret too; with anything wrong the settings as they are."""
    read, problems = load_daemon_file(settings.file)
    if read is not None:
        problems = missing_secrets(read)
    return (settings, problems) if read is None or problems else (read, [])
