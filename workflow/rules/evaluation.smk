rule evaluate:
    input:
        LOCALIZATION_FILES,
        experiment=ancient(EXPERIMENT_FILE),
        index=INDEX,
    output:
        expand(
            f"{RUN}/evaluation/{{{{model}}}}/{{method}}/{{file}}",
            method=METHODS,
            file=EVALUATION_FILES,
        ),
    log:
        f"{LOGS}/evaluate/{{model}}.log",
    benchmark:
        f"{LOGS}/evaluate/{{model}}.tsv"
    conda:
        "../envs/camagain.yaml"
    params:
        code=code_digest("camagain.evaluation.evaluate"),
        settings=settings("localization", "evaluation", "seed"),
    shell:
        "camagain evaluate {input.experiment} {wildcards.model} > {log} 2>&1"


rule evaluate_baseline:
    # The boxes that look at nothing: what any score has to be read against.
    input:
        experiment=ancient(EXPERIMENT_FILE),
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
        code=code_digest("camagain.evaluation.evaluate"),
        settings=settings("evaluation", "seed"),
        name=BASELINE,
    shell:
        "camagain evaluate {input.experiment} {params.name} > {log} 2>&1"
