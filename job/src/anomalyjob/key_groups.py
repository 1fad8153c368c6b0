"""How users are spread over parallel subtasks. Pure; it must not depend on PyFlink, because the operator reads it too.

Flink puts a key into one of `MAX_PARALLELISM` key groups by a hash, and each subtask owns a range of key groups.
"""

from typing import Final

MAX_PARALLELISM: Final = 120
"""The number of key groups: with it user1, user2 and user3 land on subtasks 0, 1 and 2 at parallelism 3.

Found by asking Flink 2.3 (KeyGroupRangeAssignment) for the subtask of a PyFlink key, which is a Row of one field; 120
also divides evenly by most parallelisms.

It is one constant for ever: Flink refuses to restore a checkpoint that was written with another one.
"""
