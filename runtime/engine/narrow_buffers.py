"""A smaller buffer for NumPy, which makes products of array views twice as fast."""

from __future__ import annotations

from contextvars import Context, copy_context

import numpy as np

# In elements. If several rows of a view fit into NumPy's buffer, NumPy copies them through it, which takes twice as
# long as the arithmetic. Casts need a buffer; for them this size is as fast as NumPy's default.
BUFFER_SIZE = 1024


def narrow_buffers() -> Context:
    """A context with the small buffer: functions called by its `run` have this buffer, other code has the default."""
    context = copy_context()
    context.run(np.setbufsize, BUFFER_SIZE)
    return context
