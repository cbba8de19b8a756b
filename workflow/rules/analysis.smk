# One rule for each analysis, one job for each training of a model: its network, or what localization stored of it,
# becomes a table. An analysis of several jobs has a folder for each below that of the training.
for name in ANALYSES:
    several = stages.stages()[name].jobs
    place = "/".join(
        [LOGS, "analysis", name, "{training}", *(["{job}"] if several else [])]
    )

    rule:
        name:
            name
        input:
            inputs(name),
        output:
            outputs(name),
        log:
            f"{place}.log",
        conda:
            "../envs/camagain.yaml"
        threads: threads_of(name)
        resources:
            **asked(name),
            gpu=stages.gpus(EXPERIMENT, name),
        params:
            experiment=EXPERIMENT_FILE,
            code=code(name),
            settings=settings(name),
            # The command is put together when a job runs, after the loop: what differs has to be a parameter.
            name=name,
            job="--job {job}" if several else "",
        shell:
            "camagain analyze {params.experiment:q} {params.name} {wildcards.training:q} {params.job} > {log:q} 2>&1"
