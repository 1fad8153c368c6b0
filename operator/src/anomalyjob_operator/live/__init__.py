"""What is shown of every job while it is going on: gathered once, encoded once, handed out to whoever looks.

It watches and tells. It must not change anything, decide anything about a job, or hold up whoever does.
"""
