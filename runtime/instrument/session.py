"""Opens ONNX files as onnxruntime sessions, reads their cards, and binds arrays to the sessions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from runtime.base.errors import UserError
from runtime.base.files import read_bounded_file
from runtime.base.private_onnxruntime import onnxruntime
from runtime.instrument.card import METADATA_KEY
from runtime.instrument.foreign.graph_check import EXPORT_AGAIN, refuse_bad_graph
from runtime.instrument.foreign.trial import refuse_untried

LARGEST_ONNX_BYTES = 64 * 2**20
LARGEST_CARD_BYTES = 8 * 2**20
MAX_BATCH = 64


def open_session(path: Path, expected: str, remedy: str) -> onnxruntime.InferenceSession:
    """A session that computes in the calling thread.

    expected: what the file should be, for the error message.
    remedy: what to do if the file cannot be read, for the error message.
    UserError if the file cannot be read, is no ONNX model, or may be harmful.
    """
    content = read_bounded_file(path, expected, LARGEST_ONNX_BYTES, remedy)
    refuse_bad_graph(content, path, expected)
    refuse_untried(content, path)
    try:
        return new_session(content)
    except Exception as error:  # onnxruntime's exceptions have no public base class
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise UserError(path, f"not an ONNX model ({reason})", expected, EXPORT_AGAIN) from None


def new_session(content: bytes) -> onnxruntime.InferenceSession:
    """A session made of a model's bytes; errors of onnxruntime are not caught."""
    onnxruntime.set_default_logger_severity(4)  # errors are raised; a log would repeat them
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.load_model_format", "ONNX")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def card_text(session: onnxruntime.InferenceSession, path: Path) -> str:
    """The card's JSON in the file's metadata; UserError if there is none, or if it is too large."""
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        remedy = "make it with: ./timbrebox export"
        raise UserError(path, "an ONNX model without a card", f"metadata under {METADATA_KEY!r}", remedy)
    if len(text) > LARGEST_CARD_BYTES:
        raise UserError(path, f"a card of {len(text):,} bytes", f"at most {LARGEST_CARD_BYTES:,}", EXPORT_AGAIN)
    return text


def refuse_other_ends(
    session: onnxruntime.InferenceSession, inputs: Mapping[str, int], output: tuple[str, int], path: Path
) -> None:
    """UserError unless the graph has exactly these inputs and this output, all float32 (n, width).

    inputs: the width of each input, by name.
    output: the name and the width of the output.
    """
    for side, ends, wanted in (
        ("input", session.get_inputs(), dict(inputs)),
        ("output", session.get_outputs(), dict([output])),
    ):
        # A variable batch size stands in the shape as a name, not as a number.
        fits = all(
            end.type == "tensor(float)" and len(end.shape) == 2 and not isinstance(end.shape[0], int) for end in ends
        )
        if not (fits and {end.name: end.shape[1] for end in ends} == wanted):
            shown = ", ".join(f"{end.name} {end.type} {end.shape}" for end in ends)
            expected = ", ".join(f"{name} tensor(float) [n, {width}]" for name, width in wanted.items())
            raise UserError(path, f"{side} {shown}", f"{expected}, as its card says", EXPORT_AGAIN)


def bind_rows(
    session: onnxruntime.InferenceSession, inputs: Mapping[str, np.ndarray], output: tuple[str, np.ndarray], n_rows: int
) -> onnxruntime.IOBinding:
    """Bind the first n_rows rows of the arrays. A run with the binding uses them in place, without allocating.

    inputs: the array of each input, by name.
    output: the name and the array of the output.
    """
    binding = session.io_binding()
    for name, values in inputs.items():
        binding.bind_input(name, "cpu", 0, np.float32, values[:n_rows].shape, values.ctypes.data)
    name, values = output
    binding.bind_output(name, "cpu", 0, np.float32, values[:n_rows].shape, values.ctypes.data)
    return binding
