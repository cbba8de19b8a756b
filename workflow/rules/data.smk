rule dataset:
    output:
        outputs("data"),
    log:
        f"{LOGS}/dataset.log",
    retries: EXPERIMENT.dataset.retries or None  # None: as often as `--retries` says
    conda:
        "../envs/camagain.yaml"
    resources:
        **asked("data"),
    params:
        # Runs share a dataset, so the path of one of them must not count. Snakemake leaves out what depends on `output`.
        experiment=lambda wildcards, output: EXPERIMENT_FILE,
        code=code("data"),
        settings=settings("data"),
    shell:
        "camagain data {params.experiment:q} > {log:q} 2>&1"
