rule experiment:
    # The experiment with every default written out. Later rules take it as `ancient`: they run again when the settings
    # in their own `params` change, not because some other key did.
    output:
        EXPERIMENT_FILE,
    log:
        f"{LOGS}/experiment.log",
    localrule: True
    conda:
        "../envs/camagain.yaml"
    params:
        values=json.dumps(EXPERIMENT.model_dump(mode="json")),
    shell:
        "printf %s {params.values:q} | camagain experiment - {output} > {log} 2>&1"


rule dataset:
    input:
        experiment=ancient(EXPERIMENT_FILE),
    output:
        index=INDEX,
        description=f"{DATASET}/dataset.json",
    log:
        f"{LOGS}/dataset.log",
    benchmark:
        f"{LOGS}/dataset.tsv"
    retries: 2 if EXPERIMENT.dataset.kind == "cub" else 0
    conda:
        "../envs/camagain.yaml"
    params:
        code=code_digest("camagain.datasets.prepare"),
        settings=settings("dataset", "seed"),
    shell:
        "camagain data {input.experiment} > {log} 2>&1"
