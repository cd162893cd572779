"""Gives NumPy a smaller buffer: with it, products of array views are twice as fast."""

from __future__ import annotations

from contextvars import Context, copy_context

import numpy as np

# The buffer's size in elements. If several rows of a view fit into NumPy's buffer, NumPy copies the rows through the
# buffer. Then a product takes twice as long. Casts need a buffer; for them this size is as fast as NumPy's default.
BUFFER_SIZE = 1024


def narrow_buffers() -> Context:
    """A context whose method `run` calls a function while NumPy's buffer has the size BUFFER_SIZE."""
    context = copy_context()
    context.run(np.setbufsize, BUFFER_SIZE)
    return context
