"""Writes the report of the reproduction, as Markdown and as HTML."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt

from runtime.base.errors import UserError
from runtime.base.files import atomic_write, read_json, write_json
from training.measure.evaluation import SOUND
from training.paper.claims import Outcome, outcomes
from training.paper.figures import draw_all
from training.paper.kept import KEPT_RUNS
from training.paper.plan import Plan
from training.paper.results import Results, short_name
from training.paper.tables import Table, all_tables, write_table
from training.paper.verdicts import cautious, strength, to_settle

MARKDOWN, HTML, OUTCOMES, NOTES = "report.md", "report.html", "outcomes.json", "notes.yaml"
STATE = "reproduce.json"  # says whether the folder holds a whole or a quick reproduction
MISSING = "missing"  # in notes.yaml, the key of the remark on trainings that are not done
TABLES, FIGURES = "tables", "figures"
BUSY = 0.5  # load average above which the measured speed is doubtful
TITLE = "The paper, reproduced"
INTRODUCTION = """J. Colonel and S. Keene published *Conditioning Autoencoder Latent Spaces for Real-Time Timbre
Interpolation and Synthesis* ([arXiv 2001.11296](https://arxiv.org/abs/2001.11296)). This report compares their findings
with ours, from models trained by the same recipe on corpora that anyone can build. Errors on different corpora cannot
be compared, so we compare orderings: which model is better than which. `./timbrebox reproduce` wrote this report from
the small files under `runs/`; `./timbrebox reproduce --report` writes it again without training."""
DATA = """**What differs from the paper's own data.** Their recordings are not public, so ours are others. The paper's
one octave and five octaves are C major scales of 80 patches of a MicroKORG; ours are the same scales of 80 factory
patches of amsynth, with the same split into 70, 5 and 5 patches. The paper's violin is the TU-Note Violin Sample
Library; ours are recordings under free licences (see [the corpora](#the-corpora)). As there, single notes train, and
performances validate and test. An order that depends on the recordings may be another here."""
KEY = """*Rests on* names the fewest seeds and epochs of a model that the verdict compares, and the ratio that came
nearest to the one needed. *To make it firmer* names what the verdict lacks: another seed may still change a verdict
that rests on a single one."""
RULE = """**How a verdict is made.** Errors are compared as ratios. With two seeds or more, the spread between the seeds
of one model, pooled over all models, gives the standard error of a difference; the difference counts beyond the
two-sided 95 % point of Student's distribution. With one seed this spread is unknown. A difference then counts only if
it is larger than 10 %, and larger than twice the wobble of the validation error: the standard deviation of its
logarithm around a straight line, over the last tenth of the epochs. This is a rule of thumb: another seed may still
change such a verdict. *needed* is the ratio that had to be exceeded. A few test sounds (patches or recordings) may
outweigh all others in the error, so each comparison of errors also says on how many test sounds the first model has the
smaller error. Where both models were also measured on further patches, the test patches and the further ones decide
together, so that no single patch can: the geometric means of the patches' errors are compared, and the difference must
also be larger than the spread of the ratio between the patches makes likely (the 95 % point of Student's distribution
again). A finding holds if all its comparisons hold. It does not hold if one of them goes the other way. *not separable*
means that a difference is too small to count, *not run* that a model is missing.

**What we had to assume.** The paper does not say which augmentation the models of Tables II to IV have. Ours have
chroma, the best one by Table I. The beta-VAE follows the authors' code: beta starts at 3e-7 and grows by 2e-5 after
each of the first six epochs, the L2 penalty is 0, and the loss is the sum over a batch, where the other models have the
mean. It has 8 latents, no skip, and learns the one-octave corpus.

**What we added.** Table II once more with output bins that cannot die: their ReLU has a slope of 0.1 below 0 while the
model is trained. The beta-VAE once more with the chroma skip. Errors of the one-octave and five-octave models on 20
further patches (`configs/amsynth20.csv`), which are in no split."""
STYLE = """body{max-width:70em;margin:2em auto;padding:0 1em;font:16px/1.5 system-ui,sans-serif;color:#222}
table{border-collapse:collapse;display:block;overflow-x:auto;font-size:14px}td,th{border:1px solid #bbb;
padding:.25em .6em;text-align:left;vertical-align:top}td:first-child{white-space:nowrap}th{background:#eee}
img{max-width:100%}audio{width:20em}@media print{audio{display:none}}"""


@dataclass(frozen=True)
class Circumstances:
    """How the reproduction was made.

    quick: whether the corpora were reduced.
    left_out: the names of the incomplete tables; each name maps to the reason.
    """

    quick: bool = False
    left_out: dict[str, str] = field(default_factory=dict)


def claim_folder(folder: Path, quick: bool) -> None:
    """Mark a folder as a report's folder; UserError if it holds something else, or a report of the other kind."""
    path, kinds = folder / STATE, ("whole", "quick")
    if path.exists():
        found = read_json(path).get("kind")
        if found != kinds[quick]:
            raise UserError(folder, f"a {found} reproduction", f"a {kinds[quick]} one", "give another --out")
    elif folder.exists() and (not folder.is_dir() or any(path.name != NOTES for path in folder.iterdir())):
        raise UserError(folder, "a folder of other things", "a new or empty one", "give another --out")
    write_json(path, {"kind": kinds[quick]})


def write_report(folder: Path, plan: Plan, results: Results, circumstances: Circumstances) -> list[Outcome]:
    """Write the report, its tables and plots, and the outcomes; returns the outcomes."""
    tables, tested, notes = all_tables(plan, results), outcomes(results), read_notes(folder / NOTES)
    captions = draw_all(results, plan, folder / FIGURES)
    for table in tables:
        write_table(folder / TABLES, table, results.environments())
    write_json(folder / OUTCOMES, [_outcome_tree(outcome, notes) for outcome in tested])
    text = "\n\n".join(_sections(results, circumstances, tables, tested, notes, captions)) + "\n"
    with atomic_write(folder / MARKDOWN) as stream:
        stream.write(text)
    with atomic_write(folder / HTML) as stream:
        stream.write(as_html(text))
    return tested


def read_notes(path: Path) -> dict[str, str]:
    """The report's remarks by key; empty if there is no file, UserError if it is broken.

    The key of a remark is its finding's key. The remark on trainings that are not done has the key MISSING.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(path, f"no readable YAML ({str(error).splitlines()[0]})", "key: text", "correct it") from None
    if not isinstance(tree, dict) or not all(isinstance(text, str) for text in tree.values()):
        raise UserError(path, "something else", "a text for each finding's key", "correct it")
    return {str(key): text.strip() for key, text in tree.items()}


def as_html(text: str) -> str:
    """The Markdown report as one HTML page; each link to a sound becomes a player."""
    body = MarkdownIt("commonmark").enable("table").render(text)
    body = re.sub(
        r'<a href="([^"]+\.ogg)">([^<]+)</a>', r'<audio controls preload="none" src="\1" title="\2"></audio>', body
    )
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{TITLE}</title>'
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>\n<body>\n{body}</body></html>\n'


def _sections(
    results: Results,
    circumstances: Circumstances,
    tables: list[Table],
    tested: list[Outcome],
    notes: dict[str, str],
    captions: dict[str, str],
) -> list[str]:
    sections = [f"# {TITLE}", INTRODUCTION]
    if circumstances.quick:
        sections.append(
            "**This is a quick run on reduced corpora, for few epochs. Its figures say nothing about the paper.**"
        )
    for name, why in circumstances.left_out.items():
        sections.append(f"**Left out: {name}.** {why[0].upper()}{why[1:]}.")
    sections += ["## What the paper found, and what we find", _verdicts(tested), KEY, _seeds(results)]
    if MISSING in notes:
        sections.append(f"**What is missing, and why.** {notes[MISSING]}")
    sections += [DATA, f"**Where it was trained.**\n\n{_environments(results)}"]
    sections += ["## How the findings were judged", RULE]
    sections += ["## Each finding", *(_finding(outcome, notes) for outcome in tested)]
    sections.append("## Tables")
    for table in tables:
        sections += [
            f"### {table.title}",
            _grid(table),
            f"[CSV]({TABLES}/{table.name}.csv), [JSON]({TABLES}/{table.name}.json)",
        ]
    sections += ["## Speed", _speed(results.speed), "## Figures"]
    sections += [f"**{caption}**\n\n![{caption}]({FIGURES}/{name})" for name, caption in captions.items()]
    sections += ["## Sounds", _sounds(results)]
    return sections


def _seeds(results: Results) -> str:
    counts = {len(runs) for runs in results.runs.values()}
    seeds = f"{min(counts)}" if len(counts) == 1 else f"{min(counts)} to {max(counts)}" if counts else "0"
    by_epochs: Counter[str] = Counter()
    for runs in results.runs.values():
        by_epochs[", ".join(map(str, sorted({run.n_epochs for run in runs}, reverse=True)))] += 1
    shown = [f"{n_epochs} for {n_models} of them" for n_epochs, n_models in by_epochs.items()]
    epochs = next(iter(by_epochs)) if len(by_epochs) == 1 else "; ".join(shown) or "none"
    return f"{len(results.runs)} models, seeds per model: {seeds}. Epochs: {epochs}. The tables name each model's."


def _verdicts(tested: list[Outcome]) -> str:
    rows = [
        {
            "source": outcome.claim.source,
            "the paper found": outcome.claim.text,
            "we find": cautious(outcome.verdict, outcome.comparisons),
            "rests on": strength(outcome.comparisons),
            "to make it firmer": to_settle(outcome.verdict, outcome.comparisons),
        }
        for outcome in tested
    ]
    return _grid(Table("verdicts", "", rows))


def _finding(outcome: Outcome, notes: dict[str, str]) -> str:
    lines = [f"### {outcome.claim.source}: {outcome.claim.text}", f"**{outcome.verdict}**"]
    lines.append("\n".join(f"- {one.verdict}: {one.text}" for one in outcome.comparisons) or "No model was trained.")
    note = notes.get(outcome.claim.key)
    if note:
        lines.append(f"**Why:** {note}")
    elif outcome.verdict == "does not hold":
        lines.append(f"**Why:** not looked into yet (`{NOTES}`, key `{outcome.claim.key}`).")
    return "\n\n".join(lines)


def _grid(table: Table) -> str:
    lines = [" | ".join(table.columns), " | ".join("---" for _ in table.columns)]
    lines += [" | ".join(_cell(row[name]) for name in table.columns) for row in table.rows]
    return "\n".join(f"| {line} |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|")


def _speed(speed: dict[str, Any] | None) -> str:
    if speed is None:
        return "Not measured."
    busy = " The machine was busy: measure again for a better figure." if speed["load_before"] > BUSY else ""
    return (
        f"A training step of {speed['batch_size']} frames takes {1e3 * speed['step_s']:.1f} ms. Its matrix products "
        f"alone, each in its fastest library, take {1e3 * speed['gemm_s']:.1f} ms: "
        f"**{100.0 * speed['share_of_gemm_rate']:.0f} % of this machine's rate** of {speed['gemm_gflop_per_s']:.0f} "
        f"GFLOP/s. Both are best times, taken in turns (median step: {1e3 * speed['median_step_s']:.1f} ms) on "
        f"{speed['environment']['device']}; load average over the minute before: {speed['load_before']:.1f}.{busy}"
    )


def _sounds(results: Results) -> str:
    lines = ["One note is held while each latent in turn moves from the low end of its travel to the high end."]
    for config, (run, *_) in results.runs.items():
        name = short_name(config)
        lines.append(f"- {name}: [each latent of {name}]({KEPT_RUNS}/{run.folder.name}/{SOUND})")
    return lines[0] + "\n\n" + "\n".join(lines[1:])


def _environments(results: Results) -> str:
    rows = [", ".join(f"{key} {value}" for key, value in environment.items()) for environment in results.environments()]
    return "\n".join(f"- {row}" for row in rows) or "Nothing was trained."


def _outcome_tree(outcome: Outcome, notes: dict[str, str]) -> dict[str, Any]:
    return {
        "key": outcome.claim.key,
        "source": outcome.claim.source,
        "claim": outcome.claim.text,
        "verdict": outcome.verdict,
        "rests_on": strength(outcome.comparisons),
        "to_make_it_firmer": to_settle(outcome.verdict, outcome.comparisons),
        "comparisons": [{"verdict": one.verdict, "text": one.text} for one in outcome.comparisons],
        "why": notes.get(outcome.claim.key),
    }
