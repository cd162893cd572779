"""NumPy with a buffer too small to copy rows through."""

from __future__ import annotations

from contextvars import Context, copy_context

import numpy as np

# Where several rows of a view fit NumPy's buffer it copies them there and back, which costs twice as much as the sums
# themselves. Casts still need one: this size is as fast for them as NumPy's own.
BUFFER_SIZE = 1024


def narrow_buffers() -> Context:
    """A copy of the present context whose buffer is small; what is `run` in it changes nothing outside."""
    context = copy_context()
    context.run(np.setbufsize, BUFFER_SIZE)
    return context
