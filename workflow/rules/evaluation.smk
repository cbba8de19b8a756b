rule evaluate:
    input:
        LOCALIZATION_FILES,
        index=INDEX,
    output:
        MODEL_EVALUATIONS,
    log:
        f"{LOGS}/evaluate/{{model}}.log",
    benchmark:
        f"{LOGS}/evaluate/{{model}}.tsv"
    conda:
        "../envs/camagain.yaml"
    threads: EXPERIMENT.compute.threads
    params:
        experiment=EXPERIMENT_FILE,
        code=stage_code("evaluate"),
        settings=settings("evaluate"),
    shell:
        "camagain evaluate {params.experiment} {wildcards.model} > {log} 2>&1"


rule evaluate_baseline:
    # The boxes that look at nothing: what any score has to be read against.
    input:
        index=INDEX,
    output:
        BASELINE_FILES,
    log:
        f"{LOGS}/evaluate/{BASELINE}.log",
    benchmark:
        f"{LOGS}/evaluate/{BASELINE}.tsv"
    conda:
        "../envs/camagain.yaml"
    params:
        experiment=EXPERIMENT_FILE,
        code=stage_code("evaluate_baseline"),
        settings=settings("evaluate_baseline"),
        name=BASELINE,
    shell:
        "camagain evaluate {params.experiment} {params.name} > {log} 2>&1"
