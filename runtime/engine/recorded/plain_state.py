"""The plain values of an object: numbers, texts, and lists, tuples, dicts, sets and deques of them.

They are what the engine remembers of the player's controls. Whoever adds such an attribute to a class need not think of
this: it is taken and given like the others.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

_SCALARS = (bool, int, float, str, type(None))
_COPIED = (list, dict, set, deque)
_PLAIN = (*_SCALARS, tuple, frozenset, *_COPIED)
_TUPLE, _DICT, _SET, _FLOAT, _DEQUE = "tuple", "dict", "set", "float", "deque"


def taken(thing: object) -> dict[str, Any]:
    """The attributes of an object that may be plain, by name, as they are now; cheap, for the audio thread."""
    return {
        name: value.copy() if isinstance(value, _COPIED) else value
        for name, value in _attributes(thing)
        if isinstance(value, _PLAIN)
    }


def given(thing: object, values: dict[str, Any]) -> None:
    """Give an object the values of another one of its class; values of other attributes and kinds are passed over."""
    for name, present in list(_attributes(thing)):
        value = values.get(name, thing)
        if value is thing or not isinstance(present, _PLAIN) or not _is_like(value, present):
            continue
        if isinstance(present, list):
            present[:] = value  # in place: others may hold the same list
        elif isinstance(present, dict | set):
            present.clear()
            present.update(value)
        elif isinstance(present, deque):  # in place, so that its greatest length stays
            present.clear()
            present.extend(value)
        else:
            setattr(thing, name, type(present)(*value) if hasattr(present, "_fields") else value)


def tree_of(values: dict[str, Any]) -> dict[str, Any]:
    """The values that are plain through and through, as JSON can hold them; `values_of` reads them."""
    tree = {}
    for name, value in values.items():
        try:
            tree[name] = _coded(value)
        except TypeError:  # it holds something that is not plain
            continue
    return tree


def values_of(tree: dict[str, Any]) -> dict[str, Any]:
    """The values that `tree_of` made a tree of; ValueError for another tree."""
    try:
        return {name: _decoded(code) for name, code in tree.items()}
    except (TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"no plain values ({error})") from None


def _attributes(thing: object) -> list[tuple[str, Any]]:
    slots = getattr(type(thing), "__slots__", None)
    return [(name, getattr(thing, name)) for name in slots] if slots is not None else list(vars(thing).items())


def _is_like(value: object, present: object) -> bool:
    """Whether a value may take the place of another: of the same kind, or a number for a number or for None."""
    if isinstance(present, _SCALARS):
        return isinstance(value, _SCALARS) and isinstance(value, str) == isinstance(present, str)
    if hasattr(present, "_fields"):
        return isinstance(value, tuple) and len(value) == len(present)
    kinds = ((list,), (dict,), (set, frozenset), (tuple,), (deque,))
    return any(isinstance(value, kind) and isinstance(present, kind) for kind in kinds)


def _coded(value: object) -> Any:
    if isinstance(value, float):  # also NumPy's
        value = float(value)
        return value if math.isfinite(value) else {_FLOAT: str(value)}
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, list):
        return [_coded(item) for item in value]
    if isinstance(value, deque):
        return {_DEQUE: [_coded(item) for item in value]}
    if isinstance(value, tuple):
        return {_TUPLE: [_coded(item) for item in value]}
    if isinstance(value, set | frozenset):
        return {_SET: sorted(_coded(item) for item in value)}
    if isinstance(value, dict):
        return {_DICT: [[_coded(key), _coded(item)] for key, item in value.items()]}
    raise TypeError(f"{type(value).__name__} is not plain")


def _decoded(code: Any) -> Any:
    if isinstance(code, list):
        return [_decoded(item) for item in code]
    if not isinstance(code, dict):
        return code
    ((kind, content),) = code.items()
    if kind == _FLOAT:
        return float(content)
    if kind == _TUPLE:
        return tuple(_decoded(item) for item in content)
    if kind == _DEQUE:
        return deque(_decoded(item) for item in content)
    if kind == _SET:
        return {_decoded(item) for item in content}
    if kind == _DICT:
        return {_decoded(key): _decoded(item) for key, item in content}
    raise ValueError(f"no plain values ({kind!r})")
