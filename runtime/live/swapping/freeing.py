"""Frees large objects in small steps: no other thread waits long for the interpreter."""

from __future__ import annotations

import gc
from types import BuiltinFunctionType, FunctionType, ModuleType

_LEAD_ELSEWHERE = (type, ModuleType, FunctionType, BuiltinFunctionType)  # not followed: these lead to everything else


def free_in_steps(objects: list[object]) -> None:
    """Empty the list, and free its objects and what only they refer to, each by a call of its own.

    Python would free all at once, and hold the interpreter for 2 to 3 ms for an engine. Inside `gives_way`, the thread
    pauses between two calls while a block is rendered.
    """
    reached, seen = [*objects], set(map(id, objects))
    objects.clear()
    for each in reached:
        for other in gc.get_referents(each):
            if id(other) not in seen and not isinstance(other, _LEAD_ELSEWHERE):
                seen.add(id(other))
                reached.append(other)
    # An object is freed before what it refers to, so each `pop` frees one object.
    each = other = None
    reached.reverse()
    while reached:
        reached.pop()
