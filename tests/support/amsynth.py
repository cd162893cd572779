"""Skips tests that need the synthesizer amsynth if amsynth is not installed; on CI such tests fail instead."""

from __future__ import annotations

import os

import pytest

from runtime.base.errors import UserError
from training.corpus import amsynth


def installed() -> bool:
    try:
        return bool(amsynth.find_banks(amsynth.find_plugin()))
    except UserError:
        return False


needs_amsynth = pytest.mark.skipif(not installed() and not os.environ.get("CI"), reason="amsynth is not installed")
