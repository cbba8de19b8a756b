rule localize:
    input:
        MODEL_FILES,
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
        experiment=EXPERIMENT_FILE,
        code=stage_code("localize"),
        settings=settings("localize"),
    shell:
        "camagain localize {params.experiment} {wildcards.model} > {log} 2>&1"
