"""Records every array that NumPy allocates, with the line of the code in runtime/ that asked for the array."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

import runtime

# The index of NumPy's default memory handler in the table of NumPy's C API. The table is part of NumPy's stable ABI, so
# the index does not change. Source: numpy/__multiarray_api.h.
_DEFAULT_HANDLER = 306
_HANDLER_NAME = b"mem_handler"
_RUNTIME = str(Path(runtime.__file__).parent)

# Return type and parameters of a handler's three functions that allocate memory.
_MALLOC = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t
_CALLOC = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t
_REALLOC = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t


class _Handler(ctypes.Structure):
    """The C struct PyDataMem_Handler, which NumPy defines in numpy/ndarraytypes.h."""

    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("context", ctypes.c_void_p),
        ("malloc", ctypes.c_void_p),
        ("calloc", ctypes.c_void_p),
        ("realloc", ctypes.c_void_p),
        ("free", ctypes.c_void_p),
    )


class Allocation(NamedTuple):
    """Memory that NumPy allocated for one array.

    where: the file, the function and the line that asked for the array, such as `bank.py:steal:120`. The function is
        the innermost running function of runtime/. If no function of runtime/ is running, it is NumPy's caller.
    """

    n_bytes: int
    where: str


class _Recorder:
    """Wraps the three allocating functions of a NumPy memory handler, and records their calls.

    `record` lists the allocations by the thread that created this object.
    Memory still comes from the handler's own functions, so the handler can free it at any later time.
    """

    def __init__(self, handler: _Handler):
        self.record: list[Allocation] = []
        self._thread = threading.get_ident()
        # NumPy's functions need Python's lock (GIL), so they are called by PYFUNCTYPE, which keeps it.
        malloc = ctypes.PYFUNCTYPE(*_MALLOC)(handler.malloc)
        calloc = ctypes.PYFUNCTYPE(*_CALLOC)(handler.calloc)
        realloc = ctypes.PYFUNCTYPE(*_REALLOC)(handler.realloc)

        def noted_malloc(context: int, size: int) -> int:
            self._note(size)
            return malloc(context, size)

        def noted_calloc(context: int, count: int, size: int) -> int:
            self._note(count * size)
            return calloc(context, count, size)

        def noted_realloc(context: int, pointer: int, size: int) -> int:
            self._note(size)
            return realloc(context, pointer, size)

        self.functions = (
            ctypes.CFUNCTYPE(*_MALLOC)(noted_malloc),
            ctypes.CFUNCTYPE(*_CALLOC)(noted_calloc),
            ctypes.CFUNCTYPE(*_REALLOC)(noted_realloc),
        )

    def _note(self, n_bytes: int) -> None:
        if threading.get_ident() == self._thread:
            caller = frame = sys._getframe(2)
            while frame is not None and not frame.f_code.co_filename.startswith(_RUNTIME):
                frame = frame.f_back
            code, line = (frame or caller).f_code, (frame or caller).f_lineno
            self.record.append(Allocation(n_bytes, f"{Path(code.co_filename).name}:{code.co_name}:{line}"))


def _default_handler() -> _Handler:
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    table = get_pointer(np._core._multiarray_umath._ARRAY_API, None)
    variable = (ctypes.c_void_p * (_DEFAULT_HANDLER + 1)).from_address(table)[_DEFAULT_HANDLER]
    capsule = ctypes.py_object.from_address(variable).value
    return _Handler.from_address(get_pointer(capsule, _HANDLER_NAME))


@contextmanager
def recorded_arrays() -> Iterator[list[Allocation]]:
    """Record the arrays that this thread allocates inside a `with`; yields the list, which grows meanwhile.

    NumPy keeps its present handler in a context variable, and the engine renders in a context of its own
    (`runtime/engine/narrow_buffers.py`). So the engine would not use a handler that is set here. All contexts have the
    default handler, so its functions are changed instead.
    """
    handler = _default_handler()
    before = handler.malloc, handler.calloc, handler.realloc
    recorder = _Recorder(handler)
    handler.malloc, handler.calloc, handler.realloc = (
        ctypes.cast(function, ctypes.c_void_p).value for function in recorder.functions
    )
    try:
        yield recorder.record
    finally:
        handler.malloc, handler.calloc, handler.realloc = before
