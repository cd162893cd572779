"""The plain values of an object: numbers, texts, and containers of these (lists, tuples, dicts, sets, deques).

A new plain attribute of a class is stored and restored without new code here.
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
    """An object's plain attributes by name; mutable containers are copied. Fast enough for the audio thread.

    Every container counts as plain here, whatever it contains. `tree_of` leaves out the containers whose values are not
    plain.
    """
    return {
        name: value.copy() if isinstance(value, _COPIED) else value
        for name, value in _attributes(thing)
        if isinstance(value, _PLAIN)
    }


def given(thing: object, values: dict[str, Any]) -> None:
    """Set an object's plain attributes by name; unknown names and values of the wrong type are ignored."""
    for name, present in list(_attributes(thing)):
        value = values.get(name, thing)
        if value is thing or not isinstance(present, _PLAIN) or not _is_like(value, present):
            continue
        if isinstance(present, list):
            present[:] = value  # in place: other objects may hold the same list
        elif isinstance(present, dict | set):
            present.clear()
            present.update(value)
        elif isinstance(present, deque):  # in place, to keep its maximum length
            present.clear()
            present.extend(value)
        else:
            setattr(thing, name, type(present)(*value) if hasattr(present, "_fields") else value)


def tree_of(values: dict[str, Any]) -> dict[str, Any]:
    """Encode the plain values for JSON, and leave out all others; `values_of` decodes such a tree."""
    tree = {}
    for name, value in values.items():
        try:
            tree[name] = _coded(value)
        except TypeError:
            continue
    return tree


def values_of(tree: dict[str, Any]) -> dict[str, Any]:
    """The values in a tree that `tree_of` made; ValueError for any other tree."""
    try:
        return {name: _decoded(code) for name, code in tree.items()}
    except (TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"no plain values ({error})") from None


def _attributes(thing: object) -> list[tuple[str, Any]]:
    slots = getattr(type(thing), "__slots__", None)
    return [(name, getattr(thing, name)) for name in slots] if slots is not None else list(vars(thing).items())


def _is_like(value: object, present: object) -> bool:
    if isinstance(present, _SCALARS):
        return isinstance(value, _SCALARS) and isinstance(value, str) == isinstance(present, str)
    if hasattr(present, "_fields"):
        return isinstance(value, tuple) and len(value) == len(present)
    kinds = ((list,), (dict,), (set, frozenset), (tuple,), (deque,))
    return any(isinstance(value, kind) and isinstance(present, kind) for kind in kinds)


def _coded(value: object) -> Any:
    if isinstance(value, float):  # a NumPy float64 is a float, too
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
