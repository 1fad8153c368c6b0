"""Tells others what happens to jobs: events and anomaly alerts go to webhooks, and alerts become Kubernetes events.

What is told to whom is computed by pure modules; `notifier` is the shell that listens, and `out_queue` never lets a
target that is slow, gone or hostile reach back into what keeps jobs running.
"""
