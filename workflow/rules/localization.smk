rule localize:
    input:
        MODEL_FILES,
        experiment=ancient(EXPERIMENT_FILE),
        index=INDEX,
    output:
        LOCALIZATION_FILES,
    log:
        f"{LOGS}/localize/{{model}}.log",
    benchmark:
        f"{LOGS}/localize/{{model}}.tsv"
    conda:
        "../envs/camagain.yaml"
    threads: EXPERIMENT.compute.threads
    resources:
        gpu=GPU,
    params:
        code=code_digest("camagain.localization.extract"),
        settings=settings("localization", "compute"),
    shell:
        "camagain localize {input.experiment} {wildcards.model} > {log} 2>&1"
