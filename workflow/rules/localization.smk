rule localize:
    input:
        inputs("localize"),
    output:
        outputs("localize"),
    log:
        f"{LOGS}/localize/{{training}}.log",
    conda:
        "../envs/camagain.yaml"
    threads: EXPERIMENT.compute.threads
    resources:
        **asked("localize"),
        gpu=stages.gpus(EXPERIMENT, "localize"),
    params:
        experiment=EXPERIMENT_FILE,
        code=code("localize"),
        settings=settings("localize"),
    shell:
        "camagain localize {params.experiment:q} {wildcards.training:q} > {log:q} 2>&1"
