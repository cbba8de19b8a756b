rule dataset:
    output:
        outputs("data"),
    log:
        f"{LOGS}/dataset.log",
    benchmark:
        f"{LOGS}/dataset.tsv"
    retries: EXPERIMENT.dataset.retries or None  # None: as often as `--retries` says
    conda:
        "../envs/camagain.yaml"
    resources:
        **asked("data"),
    params:
        code=code("data"),
        settings=settings("data"),
    shell:
        "camagain data {EXPERIMENT_FILE:q} > {log:q} 2>&1"
