"""The operator's own metrics: what passes tell, kept for each job and written out for Prometheus."""
