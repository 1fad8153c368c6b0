"""AnomalyJob: the streaming job, its launcher and its audit, as they run inside the Flink image."""
