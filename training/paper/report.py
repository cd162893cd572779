"""The report: each ordering of the paper beside ours, then the tables, figures and sounds, as Markdown and as HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt

from runtime.base.errors import UserError
from runtime.base.files import write_json, written_whole
from training.measure.evaluation import SOUND
from training.paper.claims import Outcome, outcomes
from training.paper.figures import draw_all
from training.paper.plan import Plan
from training.paper.results import Results, short_name
from training.paper.tables import Table, all_tables, write_table

MARKDOWN, HTML, OUTCOMES, NOTES = "report.md", "report.html", "outcomes.json", "notes.yaml"
TABLES, FIGURES, RUNS = "tables", "figures", "runs"
BUSY = 0.5  # processes that wanted a processor before the speed was measured
TITLE = "The paper, reproduced"
INTRODUCTION = """What J. Colonel and S. Keene found in *Conditioning Autoencoder Latent Spaces for Real-Time Timbre
Interpolation and Synthesis* ([arXiv 2001.11296](https://arxiv.org/abs/2001.11296)), and what we find with models
trained by the same recipe on corpora that anyone can build. Errors of different corpora cannot be compared, so what is
compared is the orderings. This report was written by `./timbrebox reproduce`; the figures come from the small files
under `runs/`, so it can be written again without training."""
RULE = """**How a verdict is made.** All errors are compared as ratios. With two seeds or more, the spread between the
seeds of one model, pooled over all models, gives the standard error of a difference; the difference counts beyond the
two-sided 95 % point of Student's distribution. With one seed no such spread is known: a difference counts only beyond
10 %, and beyond twice the wobble of the validation error over the last tenth of the epochs. That is a rule of thumb:
another seed may still turn such a verdict. *needed* is the ratio that had to be exceeded. A few test sounds, patches
or recordings, may outweigh the rest of an error: so each comparison of errors also tells on how many of them the first
model's is the lesser. A finding holds where all its comparisons do; it does not hold where one of them goes the other
way; *not run* says that a model is missing.

**What had to be assumed.** The paper's text does not say which augmentation the models of Tables II to IV have. Ours
have chroma, which Table I found best. The beta-VAE follows the authors' code: beta grows from 3e-7 by 2e-5 after each
of the first six epochs, its L2 penalty is 0; it has 8 latents, no skip, and is trained on the one-octave corpus."""
STYLE = """body{max-width:70em;margin:2em auto;padding:0 1em;font:16px/1.5 system-ui,sans-serif;color:#222}
table{border-collapse:collapse;display:block;overflow-x:auto;font-size:14px}td,th{border:1px solid #bbb;
padding:.25em .6em;text-align:left;vertical-align:top}td:first-child{white-space:nowrap}th{background:#eee}
img{max-width:100%}audio{width:20em}@media print{audio{display:none}}"""


@dataclass(frozen=True)
class Circumstances:
    """What the report says beside the results. quick: on reduced corpora; left_out: why, by table."""

    quick: bool = False
    left_out: dict[str, str] = field(default_factory=dict)


def write_report(folder: Path, plan: Plan, results: Results, circumstances: Circumstances) -> list[Outcome]:
    """Write report, tables, figures and outcomes into the folder; returns what became of the paper's findings."""
    tables, tested, notes = all_tables(plan, results), outcomes(results), read_notes(folder / NOTES)
    corpora = {model.config: model.corpus for model in plan.models}
    captions = draw_all(results, corpora, folder / FIGURES)
    for table in tables:
        write_table(folder / TABLES, table, results.environments())
    write_json(folder / OUTCOMES, [_outcome_tree(outcome, notes) for outcome in tested])
    text = "\n\n".join(_sections(results, circumstances, tables, tested, notes, captions)) + "\n"
    with written_whole(folder / MARKDOWN) as stream:
        stream.write(text)
    with written_whole(folder / HTML) as stream:
        stream.write(as_html(text))
    return tested


def read_notes(path: Path) -> dict[str, str]:
    """What people found out about findings, by their key; empty without such a file, UserError if it is broken."""
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(path, f"no readable YAML ({str(error).splitlines()[0]})", "key: text", "mend it") from None
    if not isinstance(tree, dict) or not all(isinstance(text, str) for text in tree.values()):
        raise UserError(path, "something else", "a text for each finding's key", "mend it")
    return {str(key): text.strip() for key, text in tree.items()}


def as_html(text: str) -> str:
    """The Markdown report as one page; links to sounds become players."""
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
            "**This is a quick run on reduced corpora and few epochs. Its figures say nothing of the paper.**"
        )
    for name, why in circumstances.left_out.items():
        sections.append(f"**Left out: {name}.** {why[0].upper()}{why[1:]}.")
    sections += ["## What the paper found, and what we find", _seeds(results), _verdicts(tested), RULE]
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
    sections += ["## Sounds", _sounds(results), "## Where it was trained", _environments(results)]
    return sections


def _seeds(results: Results) -> str:
    counts = {len(runs) for runs in results.runs.values()}
    seeds = f"{min(counts)}" if len(counts) == 1 else f"{min(counts)} to {max(counts)}" if counts else "0"
    by_epochs: dict[str, list[str]] = {}
    for config, runs in results.runs.items():
        n_epochs = sorted({run.n_epochs for run in runs}, reverse=True)
        by_epochs.setdefault(", ".join(map(str, n_epochs)), []).append(short_name(config))
    shown = [f"{n_epochs} for {', '.join(sorted(models))}" for n_epochs, models in by_epochs.items()]
    epochs = next(iter(by_epochs)) if len(by_epochs) == 1 else "; ".join(shown) or "none"
    return f"{len(results.runs)} models, seeds per model: {seeds}. Epochs: {epochs}."


def _verdicts(tested: list[Outcome]) -> str:
    rows = [
        {"source": outcome.claim.source, "the paper found": outcome.claim.text, "we find": f"**{outcome.verdict}**"}
        for outcome in tested
    ]
    return _grid(Table("verdicts", "", rows))


def _finding(outcome: Outcome, notes: dict[str, str]) -> str:
    lines = [f"### {outcome.claim.source}: {outcome.claim.text}", f"**{outcome.verdict}**"]
    lines.append("\n".join(f"- {one.verdict}: {one.text}" for one in outcome.comparisons) or "No model of it was run.")
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
    busy = " It was busy: this is a rough figure, to be measured again." if speed["load_before"] > BUSY else ""
    return (
        f"A training step of {speed['batch_size']} frames takes {1e3 * speed['step_s']:.1f} ms; its matrix products "
        f"alone, at the layers' own shapes and each in the fastest library here, take {1e3 * speed['gemm_s']:.1f} ms: "
        f"**{100.0 * speed['share_of_gemm_rate']:.0f} % of this machine's rate** of {speed['gemm_gflop_per_s']:.0f} "
        f"GFLOP/s. Both are the best of turns taken in one run (median step: {1e3 * speed['median_step_s']:.1f} ms) on "
        f"{speed['environment']['device']}; load of the machine in the minute before: {speed['load_before']:.1f}.{busy}"
    )


def _sounds(results: Results) -> str:
    lines = ["One note is held while each latent in turn goes from the lowest to the highest end of its travel."]
    for config, (run, *_) in results.runs.items():
        name = short_name(config)
        lines.append(f"- {name}: [each latent of {name}]({RUNS}/{run.folder.name}/{SOUND})")
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
        "comparisons": [{"verdict": one.verdict, "text": one.text} for one in outcome.comparisons],
        "why": notes.get(outcome.claim.key),
    }
