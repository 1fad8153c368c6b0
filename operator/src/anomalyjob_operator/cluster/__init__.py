"""The Kubernetes back end: from a desired state to objects of the cluster, and back to what was seen of them.

It must not decide: what has to run comes in as a `DesiredState`, and what was observed goes back to `decide`.
"""
