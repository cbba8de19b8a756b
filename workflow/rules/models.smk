rule finetune:
    input:
        inputs("finetune"),
        own_weights,
    output:
        outputs("finetune"),
    log:
        f"{LOGS}/finetune/{{training}}.log",
    conda:
        "../envs/camagain.yaml"
    threads: threads_of("finetune")
    resources:
        **asked("finetune"),
        gpu=stages.gpus(EXPERIMENT, "finetune"),
    params:
        experiment=EXPERIMENT_FILE,
        code=code("finetune"),
        settings=settings("finetune"),
    shell:
        "camagain finetune {params.experiment:q} {wildcards.training:q} > {log:q} 2>&1"
