"""The operator of AnomalyJob resources: it observes, records, decides, acts and tells.

This package starts Flink and watches it; it must never contain or import PyFlink.
"""
