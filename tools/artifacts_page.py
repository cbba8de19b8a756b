"""docs/artifacts.md: the files of a run, written from the registry of stages."""

from pathlib import Path

from camagain.artifacts import INSIDE, SEED_SPREAD
from camagain.stages import File, stages

PAGE = Path("docs/artifacts.md")

HEAD = f"""\
# The files of a run

Written by `make docs` from the registry of stages (`src/camagain/stages.py`); a test fails when they differ. Every file
is written under a temporary name and renamed, so a file under its final name is whole. Arrays hold no pickles.

`<model>` is a model's name. In an experiment with several `seeds` it is that and one of them, `<model>/seed<k>`: every
training has folders of its own. The boxes that look at nothing have the model name `baseline`.

`results/<run>/{INSIDE.experiment}`, written when a run starts: the experiment with every default written out.
"""

TAIL = f"""\
## Beside them

| file | content |
|---|---|
| `data/<dataset>/` | the images where they are drawn; shared by all runs. The folder is called by the \
dataset's name and eight digits that follow from its settings |
| `data/CUB_200_2011-unpacked/` | `cub`: the archive as it is published, whatever the split |
| `data/<dataset>/masks/object/`, `masks/ignore/` | `wsol-metadata` with masks: the united instances of each image, \
and what evaluation leaves out |
| `results/<run>/models/<model>/snapshots/epoch-0000.safetensors` ... | weights of the start (epoch 0), of every \
`snapshot_every`-th epoch and of the last, in the form of `model.safetensors` |
| `.<stage>.json`, hidden, in the folder of a stage's files | a note: bytes and SHA-256 of each file of the job, and \
the SHA-256 of those that it read; not in the manifest (docs/reliability.md) |
| `results/<run>/.lock`, `results/.<dataset>.lock` | locks of the run and of the dataset, without meaning where no \
process holds them |
| `results/<run>/logs/` | of every job its log and, in a table of one row, what it used: `s` (wall seconds), \
`max_rss` (MB), `cpu_time` (seconds); not in the manifest |
| `results/reference/<run>/` | what git keeps of a run: the files marked above, and a manifest with `files` (kept) and \
`files_left_out` (checksum and size of what the run had besides); where further seeds were trained, `{SEED_SPREAD}`: \
file, row, column, deviation over trainings (infinite where some have no such number), how many trainings |
| `downloads/` | weights and archives that are downloaded, or put there by hand, with `ledger.json` beside them \
(bytes, sha256, source and date of each file, see [weights.md](weights.md)) and a `.lock` |
"""


def artifacts_page() -> str:
    """The whole page as Markdown."""
    sections = [HEAD]
    for name, stage in stages().items():
        reads = ", ".join(f"`{other}`" for other in stage.reads) or "nothing"
        gpu = " It uses a GPU where there is one." if stage.gpu else ""
        sections += [
            f"## `{name}`",
            "",
            f"{stage.what} Reads the files of: {reads}. Settings that it may read: "
            f"{', '.join(f'`{key}`' for key in stage.settings)}.{gpu}",
            "",
            "| file | content | in a reference |",
            "|---|---|---|",
            *(row(entry) for entry in stage.writes),
            "",
        ]
    return "\n".join([*sections, TAIL])


def row(entry: File) -> str:
    """One kind of file."""
    path = entry.path.replace("{training}", "<model>").replace("{method_with_choices}", "<method>")
    path = path.replace("{", "<").replace("}", ">")
    what = entry.what.replace("|", r"\|")
    return f"| `{path}` | {what} | {'yes' if entry.kept else ''} |"
