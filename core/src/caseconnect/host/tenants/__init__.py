"""Tenant files: strict YAML to validated tenants. `load_tenants` reads a folder, `schema` serves editors."""

from caseconnect.host.tenants.file_models import Limits, SinkTiming, Timing
from caseconnect.host.tenants.loading import load_files, load_tenants
from caseconnect.host.tenants.problems import ConfigProblem
from caseconnect.host.tenants.schedule import Schedule
from caseconnect.host.tenants.schema import schema
from caseconnect.host.tenants.secrets import FileAndEnvSecrets
from caseconnect.host.tenants.tenant import Connection, Flow, Tenant, TenantSet, missing_secrets, shared_secrets

__all__ = [
    "ConfigProblem",
    "Connection",
    "FileAndEnvSecrets",
    "Flow",
    "Limits",
    "Schedule",
    "SinkTiming",
    "Tenant",
    "TenantSet",
    "Timing",
    "load_files",
    "load_tenants",
    "missing_secrets",
    "schema",
    "shared_secrets",
]
