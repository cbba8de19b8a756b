rule evaluate:
    input:
        inputs("evaluate"),
    output:
        outputs("evaluate"),
    log:
        f"{LOGS}/evaluate/{{training}}.log",
    conda:
        "../envs/camagain.yaml"
    threads: EXPERIMENT.compute.threads
    resources:
        **asked("evaluate"),
    params:
        experiment=EXPERIMENT_FILE,
        code=code("evaluate"),
        settings=settings("evaluate"),
    shell:
        "camagain evaluate {params.experiment:q} {wildcards.training:q} > {log:q} 2>&1"


rule evaluate_baseline:
    input:
        inputs("evaluate_baseline"),
    output:
        outputs("evaluate_baseline"),
    log:
        f"{LOGS}/evaluate/baseline.log",
    conda:
        "../envs/camagain.yaml"
    resources:
        **asked("evaluate_baseline"),
    params:
        experiment=EXPERIMENT_FILE,
        code=code("evaluate_baseline"),
        settings=settings("evaluate_baseline"),
    shell:
        "camagain evaluate {params.experiment:q} baseline > {log:q} 2>&1"
