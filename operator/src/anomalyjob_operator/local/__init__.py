"""The local back end: real Flink processes on this machine, supervised in the foreground.

It carries out and reports; what has to happen is decided elsewhere.
"""
