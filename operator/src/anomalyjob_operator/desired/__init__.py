"""From the spec of an AnomalyJob to its desired state: processes, their configuration and their memory.

Pure. Both back ends, local processes and Kubernetes, carry out what is computed here, so nothing in this package
may know which of them runs it: whatever differs comes in as a `Placement`.
"""
