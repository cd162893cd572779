"""Frees large objects in small steps, so that no other thread waits long for the interpreter."""

from __future__ import annotations

import gc
from types import BuiltinFunctionType, FunctionType, ModuleType

# Objects of these types, and what they refer to, are not freed: through them, all other objects would be reached.
_LEAD_ELSEWHERE = (type, ModuleType, FunctionType, BuiltinFunctionType)


def free_in_steps(objects: list[object]) -> None:
    """Empty the list, and free its objects one after another.

    Objects to which only these objects refer are freed too.
    By itself, Python would free an engine in one step, and hold the interpreter for 2 to 3 ms. Here each object is a
    step. Inside `gives_way` (runtime/base/realtime.py), the thread pauses between steps while a block is rendered.
    """
    reached, seen = [*objects], set(map(id, objects))
    objects.clear()
    for each in reached:
        for other in gc.get_referents(each):
            if id(other) not in seen and not isinstance(other, _LEAD_ELSEWHERE):
                seen.add(id(other))
                reached.append(other)
    # After `reverse`, `pop` takes objects in the order in which they were reached. So an object is freed before the
    # objects to which it refers, and each `pop` frees one object.
    each = other = None
    reached.reverse()
    while reached:
        reached.pop()
