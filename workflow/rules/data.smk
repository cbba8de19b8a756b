rule dataset:
    output:
        outputs("data"),
    log:
        f"{LOGS}/dataset.log",
    benchmark:
        f"{LOGS}/dataset.tsv"
    retries: 2 if EXPERIMENT.dataset.kind == "cub" else 0
    conda:
        "../envs/camagain.yaml"
    params:
        experiment=EXPERIMENT_FILE,
        code=stages.stage_code("data"),
        settings=settings("data"),
    shell:
        "camagain data {params.experiment} > {log} 2>&1"
