"""The recipe own-notes differs from that of the bundled instrument only where own-notes says so."""

from __future__ import annotations

import yaml

from tests.support.places import ROOT


def test_own_notes_are_trained_as_the_bundled_instrument_but_for_what_the_recipe_says() -> None:
    own, bundled = (
        yaml.safe_load((ROOT / "configs" / "training" / f"{name}.yaml").read_text(encoding="utf-8"))
        for name in ("own-notes", "virtual-analogue")
    )
    assert own["fit"].pop("effect_penalty") == 0
    assert bundled["fit"].pop("effect_penalty") > 0
    assert own["fit"].pop("epochs") > bundled["fit"].pop("epochs")
    assert own == bundled
