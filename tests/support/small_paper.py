"""A small reproduction for the tests of `reproduce`: tiny models, three on tones and one on violin recordings."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import yaml

from tests.support.harmonic_store import write_store
from training.__main__ import main

SKIP = "paper-one-octave-2-sigmoid-skip"
NO_SKIP = "paper-one-octave-2-lrelu-no-skip"
VARIATIONAL = "paper-one-octave-8-variational-no-skip"
VIOLIN = "paper-violin-2-sigmoid-skip"
MODELS = {
    SKIP: ({"n_latents": 2, "bottleneck": "sigmoid", "conditioning": "chroma"}, "one-octave", ["table2", "table5"]),
    NO_SKIP: ({"n_latents": 2, "bottleneck": "lrelu"}, "one-octave", ["table2"]),
    VARIATIONAL: ({"n_latents": 3, "bottleneck": "variational"}, "one-octave", ["vae"]),
    VIOLIN: ({"n_latents": 2, "conditioning": "chroma"}, "violin", ["table3", "table5"]),
}
FURTHER_TILTS = {"dull": ("test", 2.5), "thin": ("test", 0.8)}
WIDTHS = {"encoder_widths": [32, 16], "decoder_widths": [16, 32], "augmentation": "chroma"}


SPEED = {
    "load_before": 0.0,
    "batch_size": 64,
    "step_s": 0.002,
    "median_step_s": 0.003,
    "gemm_s": 0.001,
    "gemm_gflop_per_s": 100.0,
    "share_of_gemm_rate": 0.5,
    "augmentation_step_ms": {"none": [1.0, 1.01], "chroma": [1.1, 1.11], "first_order_difference": [1.3, 1.31]},
    "environment": {"device": "CPU"},
}


def write_plan(folder: Path, **fit: object) -> Path:
    """Write the plan and the models' configs; return the plan's path. fit: settings for each config's section `fit`."""
    (folder / "training").mkdir(parents=True, exist_ok=True)
    for name, (model, _, _) in MODELS.items():
        recipe = {"model": WIDTHS | model, "fit": {"epochs": 300, "batch_size": 64, "learning_rate": 5e-3} | fit}
        if model.get("bottleneck") == "variational":
            recipe["fit"]["beta"] = {}
        (folder / "training" / f"{name}.yaml").write_text(yaml.safe_dump(recipe))
    plan = {
        "corpora": {
            "one-octave": {"folder": "tones", "scale": "c-major", "octaves": 1, "further_patches": "amsynth20.csv"},
            "violin": {"folder": "violin"},
        },
        "models": [{"config": name, "corpus": corpus, "tables": t} for name, (_, corpus, t) in MODELS.items()],
        "quick": {
            "epochs": 4,
            "patches": {"train": 1, "val": 1, "test": 1},
            "recordings": {"train": 2, "val": 1, "test": 1},
            "mesh": {2: 12, 3: 4},
        },
    }
    path = folder / "paper.yaml"
    path.write_text(yaml.safe_dump(plan))
    return path


def write_tones(folder: Path) -> None:
    write_store(folder / "data" / "quick" / "tones")
    write_store(folder / "data" / "quick" / "tones-further", tilts=FURTHER_TILTS)


def reproduce(folder: Path, *arguments: object) -> int:
    folders = [word for name in ("data", "runs", "out") for word in (f"--{name}", str(folder / name))]
    plan = ["--plan", str(folder / "plan" / "paper.yaml")]
    with patch("training.commands.reproduce.measure_speed", lambda *_: SPEED):  # slow; test_speed.py tests it
        return main(["reproduce", "--quick", *plan, *folders, *map(str, arguments)])
