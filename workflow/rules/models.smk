rule finetune:
    input:
        index=INDEX,
    output:
        MODEL_FILES,
        snapshots=directory(SNAPSHOTS) if SNAPSHOTS else [],
    log:
        f"{LOGS}/finetune/{{model}}.log",
    benchmark:
        f"{LOGS}/finetune/{{model}}.tsv"
    conda:
        "../envs/camagain.yaml"
    threads: EXPERIMENT.compute.threads * EXPERIMENT.compute.processes
    resources:
        gpu=GPU * EXPERIMENT.compute.processes,
    params:
        experiment=EXPERIMENT_FILE,
        code=stage_code("finetune"),
        settings=model_settings,
    shell:
        "camagain finetune {params.experiment} {wildcards.model} > {log} 2>&1"
