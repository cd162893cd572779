"""Frees large objects in small steps, so that no other thread waits long for the interpreter."""

from __future__ import annotations

import gc
from types import BuiltinFunctionType, FunctionType, ModuleType

_LEAD_ELSEWHERE = (type, ModuleType, FunctionType, BuiltinFunctionType)  # not followed: these lead to everything else


def free_in_steps(objects: list[object]) -> None:
    """Empty the list, and free its objects and what only they refer to, each object by a call of its own.

    Python would free all of it at once, and would keep the interpreter meanwhile: 2 to 3 ms for an engine. Call this
    inside `gives_way`, which looks between two calls whether a block is being rendered.
    """
    reached, seen = [*objects], set(map(id, objects))
    objects.clear()
    for each in reached:
        for other in gc.get_referents(each):
            if id(other) not in seen and not isinstance(other, _LEAD_ELSEWHERE):
                seen.add(id(other))
                reached.append(other)
    # In `reached`, an object is before what it refers to, and is freed first; so each `pop` frees one object.
    each = other = None
    reached.reverse()
    while reached:
        reached.pop()
