"""ro-crate-metadata.json: what the files of a crate are, and which run made them.

The profiles are Workflow Run Crate 0.5 and, where the manifest has the jobs, Provenance Run Crate 0.5
(https://www.researchobject.org/workflow-run-crate). When a run began is not recorded; it ends with its manifest.
"""

import json
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camagain.artifacts import INSIDE, sha256
from camagain.compare.runs.folder import RunFolder
from camagain.config import ANALYSES
from camagain.config.dataset import licence
from camagain.export.croissant import is_address
from camagain.export.project import MAIN, Project
from camagain.lineage import Lineage, Work
from camagain.stages import inside, jobs, stages

if TYPE_CHECKING:
    from rocrate.model.entity import Entity
    from rocrate.rocrate import ROCrate

PROFILES = {"process": "Process Run Crate", "workflow": "Workflow Run Crate", "provenance": "Provenance Run Crate"}
VERSION = "0.5"
WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
TERMS = "https://w3id.org/ro/terms/workflow-run/context"
UNITS = {"seconds": "http://qudt.org/vocab/unit/SEC", "peak_memory_mb": "http://qudt.org/vocab/unit/MegaBYTE"}
KINDS: Mapping[type, str] = {bool: "Boolean", int: "Integer", float: "Float"}
"""Types of settings as schema.org names them; any other is Text, lists in JSON."""

ADDED: Mapping[str, str] = {
    "manifest.json": "Experiment, versions, machine and wall times of the run; SHA-256 of every file that is here, and "
    "of those that are left out. `camagain verify` checks it.",
    "croissant.json": "The data set in Croissant 1.0: files, splits, classes, boxes and licence.",
    "images.csv": "The images of the data set, as croissant.json says.",
    "boxes.csv": "Their true boxes, as croissant.json says.",
    "checklist.md": "Answers to a checklist for reproducible machine learning, from the manifest and the settings.",
    "LICENSE": "The licence of the workflow.",
    "CITATION.cff": "How to cite the workflow.",
}


def write_metadata(folder: Path, run: RunFolder, results: Sequence[str], project: Project, date: str) -> None:
    """Writes ro-crate-metadata.json beside the files of a crate."""
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(TERMS)
    describe_root(crate, run, project, date)
    workflow = add_workflow(crate, folder, run, project)
    files = add_files(crate, folder, project)
    inputs = [*add_inputs(crate, workflow, run), add_dataset(crate, run, files)]
    add_outputs(crate, workflow, results, files)
    action = thing(
        crate,
        "#run",
        "CreateAction",
        name=f"Run {run.manifest.get('run')} of camagain",
        description=run.values["purpose"],
        instrument=workflow,
        object=[files[str(INSIDE.experiment)], *inputs],
        result=[files[file] for file in results if file != str(INSIDE.experiment)],
        actionStatus="http://schema.org/CompletedActionStatus",
        **({"endTime": run.manifest["written"]} if "written" in run.manifest else {}),
    )
    done = add_jobs(crate, run, files)
    if done:
        add_steps(crate, workflow, run, action, done)
    crate.root_dataset["mentions"] = [action, *(job for works in done.values() for job in works)]
    conform(crate, "process", "workflow", *(["provenance"] if done else []))
    crate.metadata.write(folder)


def thing(crate: "ROCrate", identifier: str, kind: str, /, **properties: Any) -> "Entity":
    """A new contextual entity."""
    from rocrate.model.contextentity import ContextEntity

    return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **properties}))


def conform(crate: "ROCrate", *profiles: str) -> None:
    found = [
        thing(
            crate,
            f"https://w3id.org/ro/wfrun/{name}/{VERSION}",
            "CreativeWork",
            name=PROFILES[name],
            version=VERSION,
        )
        for name in profiles
    ]
    crate.root_dataset["conformsTo"] = [
        *found,
        thing(crate, WORKFLOW_CRATE, "CreativeWork", name="Workflow RO-Crate", version="1.0"),
    ]


def describe_root(crate: "ROCrate", run: RunFolder, project: Project, date: str) -> None:
    """Name, licence and date of the whole."""
    name = str(run.manifest.get("run"))
    crate.name = f"{name}: a run of {project.citation['title']}"
    crate.description = run.values["purpose"]
    crate.datePublished = date
    spdx = project.citation["license"]
    crate.license = thing(crate, f"https://spdx.org/licenses/{spdx}", "CreativeWork", name=spdx)


def authors(crate: "ROCrate", project: Project) -> list["Entity"]:
    """The authors of the workflow, as CITATION.cff has them."""
    found = []
    for number, author in enumerate(project.citation["authors"]):
        person = "family-names" in author
        name = f"{author.get('given-names', '')} {author['family-names']}".strip() if person else author["name"]
        identifier = author.get("orcid", f"#author-{number}")
        found.append(thing(crate, identifier, "Person" if person else "Organization", name=name))
    return found


def add_workflow(crate: "ROCrate", folder: Path, run: RunFolder, project: Project) -> "Entity":
    """The Snakefile, with its authors, its version, and the packages that it ran with."""
    packages = run.manifest["packages"]
    needs = [
        thing(crate, f"#package-{name}", "SoftwareApplication", name=name, version=version)
        for name, version in packages.items()
        if version is not None
    ]
    workflow = crate.add_workflow(
        folder / MAIN,
        MAIN,
        main=True,
        lang="snakemake",
        lang_version=packages.get("snakemake"),
        properties={
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            "name": project.citation["title"],
            "description": f"The workflow, {project.state}.",
            "version": packages.get("camagain") or str(project.citation["version"]),
            "license": crate.license,
            "author": authors(crate, project),
            "softwareRequirements": needs,
            "hasPart": [],
            "sha256": sha256(folder / MAIN),
        },
    )
    return workflow


def add_files(crate: "ROCrate", folder: Path, project: Project) -> dict[str, "Entity"]:
    """Every file but the Snakefile, by its path, with what it is."""
    kinds = [(inside(entry), entry.what) for stage in stages().values() for entry in stage.writes]
    kinds.append((str(INSIDE.experiment), "The experiment: every setting of the run."))
    found = {}
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    for file in sorted({*paths, str(INSIDE.manifest)} - {MAIN}):
        said = ADDED.get(file) or next((what for pattern, what in kinds if fnmatchcase(file, pattern)), None)
        said = said or ("Part of the workflow." if file in project.files else "")
        properties = {"name": file, "encodingFormat": media_type(file), "description": said}
        if file in paths:  # the manifest is written last, with the digest of the metadata in it
            properties |= {"sha256": sha256(paths[file]), "contentSize": str(paths[file].stat().st_size)}
        found[file] = crate.add_file(
            folder / file, file, properties={key: text for key, text in properties.items() if text}
        )
    return found


def media_type(file: str) -> str:
    """The media type of a file by its suffix; those that Python does not know stand here."""
    known = {".parquet": "application/vnd.apache.parquet", ".yaml": "application/yaml", ".md": "text/markdown"}
    return known.get(Path(file).suffix) or mimetypes.guess_type(file)[0] or "text/plain"


def add_inputs(crate: "ROCrate", workflow: "Entity", run: RunFolder) -> Iterator["Entity"]:
    """The experiment file and every setting in it, as parameters of the workflow; gives the settings."""
    slot = thing(crate, "#input/configfile", "FormalParameter", name="configfile", additionalType="File")
    workflow["input"] = [slot]
    crate.get(str(INSIDE.experiment))["exampleOfWork"] = slot
    for name, value in settings(run.values):
        plain = isinstance(value, bool | int | float | str)
        slot = thing(
            crate, f"#input/{name}", "FormalParameter", name=name, additionalType=KINDS.get(type(value), "Text")
        )
        workflow.append_to("input", slot)
        shown = value if plain else json.dumps(value)
        yield thing(crate, f"#setting/{name}", "PropertyValue", name=name, value=shown, exampleOfWork=slot)


def settings(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting by its dotted key; of a model its recipe only where it is not the experiment's."""
    for key, value in values.items():
        if key == "models" and not prefix:
            for model in value:
                own = {name: setting for name, setting in model.items() if setting != values.get(name)}
                yield from settings(own, f"models.{model['name']}.")
        elif isinstance(value, Mapping) and value:
            yield from settings(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def add_dataset(crate: "ROCrate", run: RunFolder, files: Mapping[str, "Entity"]) -> "Entity":
    """The data set, which is described and not part of the crate."""
    dataset = run.dataset
    terms = licence(dataset["kind"])
    known = (crate.get(terms) or thing(crate, terms, "CreativeWork", name=terms)) if is_address(terms) else terms
    found = thing(
        crate,
        "#dataset",
        "Dataset",
        name=dataset["name"],
        description=f"{dataset['images']:,} images of {len(dataset['classes'])} classes. Described in croissant.json; "
        "no image of it is part of this crate.",
        license=known,
        identifier=f"sha256:{dataset['fingerprint']}",
        subjectOf=files["croissant.json"],
    )
    if is_address(dataset.get("source")):
        found["url"] = dataset["source"]
    for file in ("croissant.json", "images.csv", "boxes.csv"):
        if file in files:
            files[file]["about"] = found
    files["croissant.json"]["conformsTo"] = thing(
        crate, "http://mlcommons.org/croissant/1.0", "CreativeWork", name="Croissant", version="1.0"
    )
    return found


def add_outputs(crate: "ROCrate", workflow: "Entity", results: Sequence[str], files: Mapping[str, "Entity"]) -> None:
    """What the workflow makes, one parameter for each stage of which the crate holds files."""
    workflow["output"] = []
    for name, stage in stages().items():
        patterns = [inside(entry) for entry in stage.writes]
        made = [file for file in results if any(fnmatchcase(file, pattern) for pattern in patterns)]
        made += [str(INSIDE.manifest)] if name == "manifest" else []
        made = [file for file in made if "exampleOfWork" not in files[file]]
        if made:
            slot = thing(
                crate,
                f"#output/{name}",
                "FormalParameter",
                name=name,
                description=stage.what,
                additionalType="File",
            )
            workflow.append_to("output", slot)
            for file in made:
                files[file]["exampleOfWork"] = slot


def job_name(work: Work) -> str:
    """A job as the manifest names it among the wall times: its log below the run's folder of logs."""
    place = {"data": "dataset", "evaluate_baseline": "evaluate/baseline"}.get(work.stage, work.stage)
    place = f"analysis/{work.stage}" if work.stage in ANALYSES else place
    return "/".join(part for part in (place, work.training, work.job) if part)


def add_jobs(crate: "ROCrate", run: RunFolder, files: Mapping[str, "Entity"]) -> dict[str, list["Entity"]]:
    """The jobs of the run by stage, as far as the manifest has them: time, memory, what they read and wrote."""
    measured = {entry["job"]: entry for entry in run.manifest.get("wall_times", [])}
    paths = run.experiment.paths()
    lineage = Lineage(run.experiment, paths)

    def here(work: Work) -> list["Entity"]:
        names = (path.relative_to(paths.root).as_posix() for path in lineage.files(work).values() if below(path))
        return [files[name] for name in names if name in files]

    def below(path: Path) -> bool:
        return path.is_relative_to(paths.root)

    found: dict[str, list[Entity]] = {}
    for stage in stages():
        for training, job in jobs(run.experiment, stage):
            work = Work(stage, training, job)
            name = job_name(work)
            if name not in measured:
                continue
            usage = [
                thing(
                    crate,
                    f"#job/{name}/{what}",
                    "PropertyValue",
                    name=what,
                    value=str(measured[name][what]),
                    unitCode=unit,
                )
                for what, unit in UNITS.items()
                if measured[name].get(what) is not None
            ]
            read = [file for source in lineage.sources(work) for file in here(source)]
            wrote = here(work)
            found.setdefault(stage, []).append(
                thing(
                    crate,
                    f"#job/{name}",
                    "CreateAction",
                    name=work.command.replace("EXPERIMENT", str(INSIDE.experiment)),
                    instrument={"@id": f"#tool/{stage}"},
                    object=[files[str(INSIDE.experiment)], *read],
                    resourceUsage=usage,
                    **({"result": wrote} if wrote else {}),
                )
            )
    return found


def add_steps(
    crate: "ROCrate", workflow: "Entity", run: RunFolder, action: "Entity", done: Mapping[str, Sequence["Entity"]]
) -> None:
    """The stages that jobs belong to as tools and steps of the workflow, and Snakemake, which led through them."""
    workflow["step"], led = [], []
    for position, (stage, works) in enumerate(done.items()):
        tool = thing(
            crate, f"#tool/{stage}", "SoftwareApplication", name=f"camagain {stage}", description=stages()[stage].what
        )
        workflow.append_to("hasPart", tool)
        step = thing(crate, f"#step/{stage}", "HowToStep", name=stage, position=str(position), workExample=tool)
        workflow.append_to("step", step)
        led += [
            thing(crate, f"#led/{job.id[1:]}", "ControlAction", name=f"led {stage}", instrument=step, object=job)
            for job in works
        ]
    thing(
        crate,
        "#engine",
        "OrganizeAction",
        name="Run of Snakemake",
        instrument=crate.get("#package-snakemake") or workflow["programmingLanguage"],
        object=led,
        result=action,
    )
