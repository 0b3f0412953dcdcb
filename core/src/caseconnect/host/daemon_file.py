"""The daemon's own file, `connect.yaml`: what belongs to no tenant. As strict as tenant files, with the same errors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from caseconnect.host.alerting.settings import AlertsPart
from caseconnect.host.numbers.settings import LogsSettings, MetricsSettings, TracesSettings
from caseconnect.host.tenants.document import MAX_BYTES, read_document
from caseconnect.host.tenants.file_models import Part
from caseconnect.host.tenants.problems import ConfigProblem, Report
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
    """What the file says, or the defaults when there is none; secrets are resolved below the file's folder."""

    values: DaemonFile
    secrets: Secrets
    file: Path | None = None


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
    return DaemonSettings(values, FileAndEnvSecrets(place.parent), place), []


def missing_secrets(settings: DaemonSettings) -> list[ConfigProblem]:
    """The references of the file that do not resolve now. `serve` needs all of them, `check` none."""
    return unresolved([((), settings.values)], settings.secrets, Report(str(settings.file)))
