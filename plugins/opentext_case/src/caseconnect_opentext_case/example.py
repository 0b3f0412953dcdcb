"""Settings that a tenant can start from, shown wherever the plugin is described."""

EXAMPLE = """\
base_url: https://us.api.opentext.com/case
definition_id: 7a51c9f0-52c4-4f0b-8f2e-3d7f4b1f9e01
config_id: 2f7d1d0a-6f1b-4b52-9b6c-8e7e9a4c5d02
auth:
  tenant_id: 3b9c5d10-8f7e-4a51-9e55-1f1f5b0f6a11
  client_id: connect
  client_secret: {env: CORE_CASE_CLIENT_SECRET}
service_account: [connect.service@example.com]
"""
"""As YAML; base URL and ids must be replaced by the tenant's own."""
