"""Numbers for people who run it: metrics for Prometheus, and traces for OpenTelemetry."""
