"""The dashboard: pages, documents and streams over HTTP, for reading only.

It serves what `anomalyjob_operator.live` has; it asks Flink and Kubernetes nothing, and it changes nothing.
"""

from anomalyjob_operator.dashboard.server import Dashboard

__all__ = ["Dashboard"]
