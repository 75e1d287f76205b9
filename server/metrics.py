"""What the server counts and times, in a registry of its own. Served at /metrics.

Owns names and labels of the metrics; must not know who reports. Labels are always from a closed set: nothing that a
client can make up becomes a label.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    Summary,
    generate_latest,
)

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """One per app."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.sessions = Gauge("lucy_sessions", "Live sessions that are open", registry=registry)
        self.sessions_opened = Counter("lucy_sessions_opened", "Live sessions since the start", registry=registry)
        self.frames = Counter("lucy_frames", "Keyframes answered with a picture", ["stage"], registry=registry)
        self.dropped = Counter("lucy_frames_dropped", "Keyframes without an answer", ["reason"], registry=registry)
        self.captures = Counter("lucy_captures", "Premium captures answered", ["stage"], registry=registry)
        self.scans = Counter("lucy_scans", "Swatches scanned", ["kind"], registry=registry)
        self.errors = Counter("lucy_errors", "Errors told to clients", ["code", "channel"], registry=registry)
        self.step_s = Histogram(
            "lucy_step_seconds", "Time per step of a picture", ["step", "kind"], buckets=BUCKETS_S, registry=registry
        )
        self.quality = Summary("lucy_quality", "Self-checks per picture", ["check", "kind"], registry=registry)
        self.requests = Counter("lucy_http_requests", "HTTP requests", ["route", "method", "status"], registry=registry)
        self.request_s = Histogram(
            "lucy_http_seconds", "Time per HTTP request", ["route"], buckets=BUCKETS_S, registry=registry
        )

    def picture(self, stage: str, timings_ms: Mapping[str, float], *, kind: str) -> None:
        """Count one finished picture; `kind` is live or capture."""
        (self.frames if kind == "live" else self.captures).labels(stage).inc()
        for step, spent_ms in timings_ms.items():
            self.step_s.labels(step, kind).observe(spent_ms / 1e3)

    def scan(self, kind: str, timings_ms: Mapping[str, float]) -> None:
        """Count one finished scan of a cloth that is periodic, stochastic or plain."""
        self.scans.labels(kind).inc()
        for step, spent_ms in timings_ms.items():
            self.step_s.labels(step, "scan").observe(spent_ms / 1e3)

    def judge(self, quality: Mapping[str, float | None], *, kind: str) -> None:
        """Take down the self-checks of one picture."""
        for check, value in quality.items():
            if value is not None:
                self.quality.labels(check, kind).observe(value)

    def render(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)
