# Tables, figures, report and manifest: everything here reads artifacts and never a model.
rule write_tables:
    input:
        EVALUATIONS,
        ANALYSES,
        expand(MODEL_FILES, model=MODELS),
        f"{DATASET}/dataset.json",
    output:
        f"{RUN}/metrics.json",
        f"{RUN}/claims.json",
        [
            report(
                f"{RUN}/tables/{name}.{kind}",
                caption=f"../report/{name}.rst",
                category="Tables",
                labels={"table": name, "format": kind},
            )
            for name in TABLE_NAMES
            for kind in ("csv", "md", "tex")
        ],
    log:
        f"{LOGS}/tables.log",
    benchmark:
        f"{LOGS}/tables.tsv"
    conda:
        "../envs/camagain.yaml"
    params:
        experiment=EXPERIMENT_FILE,
        code=stage_code("tables"),
        settings=settings("tables"),
    shell:
        "camagain paper {params.experiment} --part tables > {log} 2>&1"


rule write_figures:
    input:
        EVALUATIONS,
        ANALYSES,
        expand(MODEL_FILES, model=MODELS),
        expand(LOCALIZATION_FILES, model=MODELS),
        f"{DATASET}/dataset.json",
        index=INDEX,
    output:
        [
            report(
                f"{RUN}/figures/{name}.{kind}",
                caption=f"../report/{name}.rst",
                category="Figures",
                labels={"figure": name, "format": kind},
            )
            for name in FIGURE_NAMES
            for kind in ("pdf", "png", "csv")
        ],
    log:
        f"{LOGS}/figures.log",
    benchmark:
        f"{LOGS}/figures.tsv"
    conda:
        "../envs/camagain.yaml"
    params:
        experiment=EXPERIMENT_FILE,
        code=stage_code("figures"),
        settings=settings("figures"),
    shell:
        "camagain paper {params.experiment} --part figures > {log} 2>&1"


rule write_report:
    input:
        EVALUATIONS,
        ANALYSES,
        expand(MODEL_FILES, model=MODELS),
        TABLES,
        FIGURES,
        f"{RUN}/claims.json",
    output:
        f"{RUN}/report.html",
    log:
        f"{LOGS}/report.log",
    benchmark:
        f"{LOGS}/report.tsv"
    conda:
        "../envs/camagain.yaml"
    params:
        experiment=EXPERIMENT_FILE,
        code=stage_code("report"),
        settings=settings("report"),
    shell:
        "camagain paper {params.experiment} --part report > {log} 2>&1"


rule write_manifest:
    # The last file of a run: it lists every other one, so `rule all` asks for it alone.
    input:
        INDEX,
        EVALUATIONS,
        ANALYSES,
        TABLES,
        FIGURES,
        expand(MODEL_FILES, model=MODELS),
        expand(LOCALIZATION_FILES, model=MODELS),
        f"{RUN}/report.html",
    output:
        f"{RUN}/manifest.json",
    log:
        f"{LOGS}/manifest.log",
    conda:
        "../envs/camagain.yaml"
    params:
        experiment=EXPERIMENT_FILE,
        code=stage_code("manifest"),
    shell:
        "camagain paper {params.experiment} --part manifest > {log} 2>&1"
