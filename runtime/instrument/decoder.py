"""A loaded instrument: an ONNX decoder and its card."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runtime.base.errors import UserError
from runtime.base.files import read_bounded_file
from runtime.base.private_onnxruntime import onnxruntime
from runtime.instrument.card import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, Card, parse_card

MAX_BATCH = 64
LARGEST_BYTES = 256 * 2**20
CHECK_TOLERANCE = 1e-4


class Decoder:
    """A loaded instrument: computes spectra from latents and conditioning, without allocating.

    path: the .onnx file.
    card: the instrument's description of itself.
    inputs: rows of latents, then conditioning, float32 (MAX_BATCH, card.n_inputs); the caller writes them.
    magnitudes: the decoded spectra, float32 (MAX_BATCH, card.spec.n_bins); `decode` writes them.
    batch_invariant: whether a row is decoded to the same bits in a batch of any size.

    UserError if the file cannot be read, is not an ONNX model, has no valid card, does not fit its card, or does not
    decode the card's check inputs to the card's check outputs.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._session = _open_session(self.path)
        self.card = _read_card(self._session, self.path)
        _refuse_mismatch(self._session, self.card, self.path)
        self.inputs = np.zeros((MAX_BATCH, self.card.n_inputs), np.float32)
        self.magnitudes = np.zeros((MAX_BATCH, self.card.spec.n_bins), np.float32)
        self._bindings = [self._bind(n) for n in range(1, MAX_BATCH + 1)]
        self._verify_check_pair()
        # On x86-64 a row gives the same result in any batch. On other processors it may not; then every batch gets the
        # full size, so that a voice sounds the same whatever other voices play.
        self.batch_invariant = self._is_batch_invariant()

    def decode(self, n_rows: int) -> np.ndarray:
        """Decode the first `n_rows` rows of `inputs`, 1 to MAX_BATCH; returns their spectra, a view of `magnitudes`."""
        self._session.run_with_iobinding(self._bindings[n_rows - 1 if self.batch_invariant else MAX_BATCH - 1])
        return self.magnitudes[:n_rows]

    def _bind(self, n_rows: int) -> onnxruntime.IOBinding:
        binding = self._session.io_binding()
        inputs, outputs = self.inputs[:n_rows], self.magnitudes[:n_rows]
        binding.bind_input(INPUT_NAME, "cpu", 0, np.float32, inputs.shape, inputs.ctypes.data)
        binding.bind_output(OUTPUT_NAME, "cpu", 0, np.float32, outputs.shape, outputs.ctypes.data)
        return binding

    def _verify_check_pair(self) -> None:
        where = f"{self.path}, card, check"
        remedy = "the file is damaged or was changed; export it again"
        try:
            given = np.asarray(self.card.check.input, np.float32).reshape(-1, self.card.n_inputs)
            expected = np.asarray(self.card.check.output, np.float32).reshape(len(given), self.card.spec.n_bins)
        except ValueError:
            shape = f"rows of {self.card.n_inputs} inputs and {self.card.spec.n_bins} magnitudes"
            raise UserError(where, "a pair of other sizes", shape, remedy) from None
        for row, target in zip(given, expected, strict=True):
            self.inputs[0] = row
            self._session.run_with_iobinding(self._bindings[0])
            error = float(np.abs(self.magnitudes[0] - target).max())
            if not error <= CHECK_TOLERANCE:
                raise UserError(where, f"an output {error:.2g} off", f"at most {CHECK_TOLERANCE:g}", remedy)

    def _is_batch_invariant(self) -> bool:
        self.inputs[:] = np.random.default_rng(0).random(self.inputs.shape, np.float32)
        self._session.run_with_iobinding(self._bindings[-1])
        full = self.magnitudes.copy()
        for binding in self._bindings:
            self.magnitudes[:] = full
            self._session.run_with_iobinding(binding)
            if not np.array_equal(self.magnitudes, full):
                return False
        return True


def _open_session(path: Path) -> onnxruntime.InferenceSession:
    remedy = "check the path, or see: ./timbrebox instruments"
    content = read_bounded_file(path, "an .onnx instrument", LARGEST_BYTES, remedy)
    onnxruntime.set_default_logger_severity(3)  # newer releases warn about a missing GPU on every start
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no public base class
        reason = str(error).splitlines()[0][:120]
        raise UserError(path, f"not an ONNX model ({reason})", "an .onnx instrument", "export it again") from None


def _read_card(session: onnxruntime.InferenceSession, path: Path) -> Card:
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise UserError(
            path, "an ONNX model without a card", f"metadata under {METADATA_KEY!r}", "make it with: ./timbrebox export"
        )
    return parse_card(text, path)


def _refuse_mismatch(session: onnxruntime.InferenceSession, card: Card, path: Path) -> None:
    for side, ends, name, width in (
        ("input", session.get_inputs(), INPUT_NAME, card.n_inputs),
        ("output", session.get_outputs(), OUTPUT_NAME, card.spec.n_bins),
    ):
        found = [(end.name, end.type, end.shape) for end in ends]
        fits = len(found) == 1 and found[0][:2] == (name, "tensor(float)") and len(found[0][2]) == 2
        # In the shape, a variable batch size is a name instead of a number.
        if not (fits and not isinstance(found[0][2][0], int) and found[0][2][1] == width):
            shown = ", ".join(f"{n} {t} {s}" for n, t, s in found)
            raise UserError(
                path, f"{side} {shown}", f"{name} tensor(float) [n, {width}], as its card says", "export it again"
            )
