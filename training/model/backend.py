"""Starts Keras so that its results are repeatable and its messages are hidden."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from runtime.base.errors import UserError

BACKENDS = ("tensorflow", "jax")


def prepare_keras(seed: int = 0) -> None:
    """Import Keras with seeded random generators and, on TensorFlow, deterministic kernels.

    UserError if KERAS_BACKEND is neither tensorflow nor jax, or is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    wanted = os.environ.get("KERAS_BACKEND", BACKENDS[0])
    if wanted not in BACKENDS:
        raise UserError("KERAS_BACKEND", repr(wanted), " or ".join(BACKENDS), "unset it, or choose one of the two")
    try:
        with _quiet_stderr():
            import keras

            if wanted == "tensorflow":
                import tensorflow as tf

                tf.config.experimental.enable_op_determinism()
                tf.config.list_physical_devices()
                tf.get_logger().setLevel("ERROR")  # otherwise TensorFlow warns about every new batch size
            keras.utils.set_random_seed(seed)
    except ModuleNotFoundError as error:
        raise UserError(
            "workshop",
            f"no Python package {error.name!r}",
            f"{wanted} and keras",
            "run this command through ./timbrebox",
        ) from None


def forget_models() -> None:
    """Free the memory that Keras keeps for earlier models."""
    import keras

    keras.utils.clear_session()


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hide the messages of native libraries while they load; show them if loading fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def n_cpu_threads() -> int:
    """Number of CPU threads that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def device_name() -> str:
    """The device that Keras computes on: the GPU's name, or the CPU and its number of threads."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        device = jax.devices()[0]
        return f"CPU, {n_cpu_threads()} threads" if device.platform == "cpu" else f"GPU, {device.device_kind}"
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return f"CPU, {n_cpu_threads()} threads"
    return f"GPU, {tf.config.experimental.get_device_details(gpus[0]).get('device_name', gpus[0].name)}"


def environment() -> dict[str, str]:
    """Names of the platform, the backend and the device; versions of Python, NumPy, Keras and the backend."""
    import keras
    import numpy

    backend = keras.backend.backend()
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "numpy": numpy.__version__,
        "keras": keras.__version__,
        "backend": backend,
        backend: sys.modules[backend].__version__,
        "device": device_name(),
    }
