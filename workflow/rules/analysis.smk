# One rule for each analysis, one job for each training of a model: its network, or what localization stored of it,
# becomes a table. An analysis of several jobs has a folder for each below that of the training.
for name in ANALYSES:
    parts = ["{training}", "{job}"] if stages.stages()[name].jobs else ["{training}"]
    option = " --job {wildcards.job}" if stages.stages()[name].jobs else ""

    rule:
        name:
            name
        input:
            inputs(name),
        output:
            outputs(name),
        log:
            f"{LOGS}/analysis/{name}/{'/'.join(parts)}.log",
        benchmark:
            f"{LOGS}/analysis/{name}/{'/'.join(parts)}.tsv"
        conda:
            "../envs/camagain.yaml"
        threads: EXPERIMENT.compute.threads
        resources:
            gpu=gpu(name),
        params:
            experiment=EXPERIMENT_FILE,
            code=code(name),
            settings=settings(name),
        shell:
            "camagain analyze {params.experiment} "
            + name
            + " {wildcards.training}"
            + option
            + " > {log} 2>&1"
