"""The decision: (job, ledger, observed, now) to a plan. Pure; nothing is read, written or started here."""

from anomalyjob_operator.decide.plan import Plan

__all__ = ["Plan"]
