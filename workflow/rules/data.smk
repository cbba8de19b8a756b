rule dataset:
    output:
        outputs("data"),
    log:
        f"{LOGS}/dataset.log",
    benchmark:
        f"{LOGS}/dataset.tsv"
    retries: EXPERIMENT.dataset.retries
    conda:
        "../envs/camagain.yaml"
    params:
        experiment=EXPERIMENT_FILE,
        code=code("data"),
        settings=settings("data"),
    shell:
        "camagain data {params.experiment:q} > {log:q} 2>&1"
