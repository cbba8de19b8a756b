# Tables, figures, report, explorer and manifest: everything here reads artifacts and never a model.
rule write_tables:
    input:
        inputs("tables"),
    output:
        shown("tables", "Tables", "table"),
    log:
        f"{LOGS}/tables.log",
    conda:
        "../envs/camagain.yaml"
    resources:
        **asked("tables"),
    params:
        experiment=EXPERIMENT_FILE,
        code=code("tables"),
        settings=settings("tables"),
    shell:
        "camagain paper {params.experiment:q} --part tables > {log:q} 2>&1"


rule write_figures:
    input:
        inputs("figures"),
    output:
        shown("figures", "Figures", "figure"),
    log:
        f"{LOGS}/figures.log",
    conda:
        "../envs/camagain.yaml"
    resources:
        **asked("figures"),
    params:
        experiment=EXPERIMENT_FILE,
        code=code("figures"),
        settings=settings("figures"),
    shell:
        "camagain paper {params.experiment:q} --part figures > {log:q} 2>&1"


rule write_report:
    input:
        inputs("report"),
    output:
        outputs("report"),
    log:
        f"{LOGS}/report.log",
    conda:
        "../envs/camagain.yaml"
    resources:
        **asked("report"),
    params:
        experiment=EXPERIMENT_FILE,
        code=code("report"),
        settings=settings("report"),
    shell:
        "camagain paper {params.experiment:q} --part report > {log:q} 2>&1"


rule write_explorer:
    input:
        inputs("explorer"),
    output:
        outputs("explorer"),
    log:
        f"{LOGS}/explorer.log",
    conda:
        "../envs/camagain.yaml"
    resources:
        **asked("explorer"),
    params:
        experiment=EXPERIMENT_FILE,
        code=code("explorer"),
        settings=settings("explorer"),
    shell:
        "camagain explorer {params.experiment:q} > {log:q} 2>&1"


rule write_manifest:
    # The last file of a run: it lists every other one.
    input:
        inputs("manifest"),
    output:
        outputs("manifest"),
    log:
        f"{LOGS}/manifest.log",
    conda:
        "../envs/camagain.yaml"
    resources:
        **asked("manifest"),
    params:
        experiment=EXPERIMENT_FILE,
        code=code("manifest"),
        settings=settings("manifest"),
    shell:
        "camagain paper {params.experiment:q} --part manifest > {log:q} 2>&1"
