"""Records every array that NumPy allocates, with the line in runtime/ that asked for it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

# Indices of two functions in the table of NumPy's C API, which its stable ABI keeps. Source: numpy/__multiarray_api.h.
_SET_HANDLER, _GET_HANDLER = 304, 305
_HANDLER_NAME = b"mem_handler"

_Malloc = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_Calloc = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t)
_Realloc = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_Free = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class _Handler(ctypes.Structure):
    """The C struct PyDataMem_Handler, which NumPy defines in numpy/ndarraytypes.h."""

    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("context", ctypes.c_void_p),
        ("malloc", _Malloc),
        ("calloc", _Calloc),
        ("realloc", _Realloc),
        ("free", _Free),
    )


class Allocation(NamedTuple):
    """Memory for one array; where: file and line in runtime/ that asked for it."""

    n_bytes: int
    where: str


_record: list[Allocation] | None = None


def _note(n_bytes: int) -> None:
    if _record is not None:
        frame = sys._getframe(2)
        while frame.f_back is not None and "runtime" not in Path(frame.f_code.co_filename).parts:
            frame = frame.f_back
        _record.append(Allocation(n_bytes, f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"))


def _make_handler() -> _Handler:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = libc.calloc.restype = libc.realloc.restype = ctypes.c_void_p

    def malloc(_context: int, size: int) -> int:
        _note(size)
        return libc.malloc(ctypes.c_size_t(size))

    def calloc(_context: int, count: int, size: int) -> int:
        _note(count * size)
        return libc.calloc(ctypes.c_size_t(count), ctypes.c_size_t(size))

    def realloc(_context: int, pointer: int, size: int) -> int:
        _note(size)
        return libc.realloc(ctypes.c_void_p(pointer), ctypes.c_size_t(size))

    def free(_context: int, pointer: int, _size: int) -> None:
        libc.free(ctypes.c_void_p(pointer))

    return _Handler(b"counting", 1, None, _Malloc(malloc), _Calloc(calloc), _Realloc(realloc), _Free(free))


# An array may outlive its `with`. This handler frees it, so the handler must stay.
_HANDLER = _make_handler()


def _api() -> ctypes.Array[ctypes.c_void_p]:
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    table = get_pointer(np._core._multiarray_umath._ARRAY_API, None)
    return (ctypes.c_void_p * (_GET_HANDLER + 1)).from_address(table)


@contextmanager
def recorded_arrays() -> Iterator[list[Allocation]]:
    """Record this thread's allocations inside a `with`; yields the growing list of allocations."""
    global _record
    new_capsule = ctypes.pythonapi.PyCapsule_New
    new_capsule.restype, new_capsule.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(_api()[_SET_HANDLER])
    before = set_handler(new_capsule(ctypes.addressof(_HANDLER), _HANDLER_NAME, None))
    _record = record = []
    try:
        yield record
    finally:
        _record = None
        set_handler(before)
