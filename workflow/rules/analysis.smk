# One rule for each analysis, one job for each model: a model artifact, or what localization stored, becomes a table.


rule erf:
    input:
        MODEL_FILES,
        index=INDEX,
    output:
        analysis_files("erf"),
    log:
        f"{LOGS}/analysis/erf/{{model}}.log",
    benchmark:
        f"{LOGS}/analysis/erf/{{model}}.tsv"
    conda:
        "../envs/camagain.yaml"
    threads: EXPERIMENT.compute.threads
    resources:
        gpu=GPU,
    params:
        experiment=EXPERIMENT_FILE,
        code=stage_code("erf"),
        settings=settings("erf"),
    shell:
        "camagain erf {params.experiment} {wildcards.model} > {log} 2>&1"


rule gap:
    input:
        LOCALIZATION_FILES,
        index=INDEX,
    output:
        analysis_files("gap"),
    log:
        f"{LOGS}/analysis/gap/{{model}}.log",
    benchmark:
        f"{LOGS}/analysis/gap/{{model}}.tsv"
    conda:
        "../envs/camagain.yaml"
    threads: EXPERIMENT.compute.threads
    params:
        experiment=EXPERIMENT_FILE,
        code=stage_code("gap"),
        settings=settings("gap"),
    shell:
        "camagain analyze {params.experiment} gap {wildcards.model} > {log} 2>&1"


rule pca:
    input:
        LOCALIZATION_FILES,
        index=INDEX,
    output:
        analysis_files("pca"),
    log:
        f"{LOGS}/analysis/pca/{{model}}.log",
    benchmark:
        f"{LOGS}/analysis/pca/{{model}}.tsv"
    conda:
        "../envs/camagain.yaml"
    threads: EXPERIMENT.compute.threads
    params:
        experiment=EXPERIMENT_FILE,
        code=stage_code("pca"),
        settings=settings("pca"),
    shell:
        "camagain analyze {params.experiment} pca {wildcards.model} > {log} 2>&1"


rule initialization:
    input:
        MODEL_FILES,
        snapshots_of,
        index=INDEX,
    output:
        analysis_files("initialization"),
    log:
        f"{LOGS}/analysis/initialization/{{model}}.log",
    benchmark:
        f"{LOGS}/analysis/initialization/{{model}}.tsv"
    conda:
        "../envs/camagain.yaml"
    threads: EXPERIMENT.compute.threads
    resources:
        gpu=GPU,
    params:
        experiment=EXPERIMENT_FILE,
        code=stage_code("initialization"),
        settings=settings("initialization"),
    shell:
        "camagain analyze {params.experiment} initialization {wildcards.model} > {log} 2>&1"


rule remedies:
    input:
        MODEL_FILES,
        LOCALIZATION_FILES,
        index=INDEX,
    output:
        analysis_files("remedies"),
    log:
        f"{LOGS}/analysis/remedies/{{model}}.log",
    benchmark:
        f"{LOGS}/analysis/remedies/{{model}}.tsv"
    conda:
        "../envs/camagain.yaml"
    threads: EXPERIMENT.compute.threads
    resources:
        gpu=GPU,
    params:
        experiment=EXPERIMENT_FILE,
        code=stage_code("remedies"),
        settings=settings("remedies"),
    shell:
        "camagain analyze {params.experiment} remedies {wildcards.model} > {log} 2>&1"


rule texture:
    input:
        MODEL_FILES,
        index=INDEX,
    output:
        analysis_files("texture"),
    log:
        f"{LOGS}/analysis/texture/{{model}}.log",
    benchmark:
        f"{LOGS}/analysis/texture/{{model}}.tsv"
    conda:
        "../envs/camagain.yaml"
    threads: EXPERIMENT.compute.threads
    resources:
        gpu=GPU,
    params:
        experiment=EXPERIMENT_FILE,
        code=stage_code("texture"),
        settings=settings("texture"),
    shell:
        "camagain analyze {params.experiment} texture {wildcards.model} > {log} 2>&1"


rule cues:
    input:
        LOCALIZATION_FILES,
        index=INDEX,
    output:
        analysis_files("cues"),
    log:
        f"{LOGS}/analysis/cues/{{model}}.log",
    benchmark:
        f"{LOGS}/analysis/cues/{{model}}.tsv"
    conda:
        "../envs/camagain.yaml"
    threads: EXPERIMENT.compute.threads
    params:
        experiment=EXPERIMENT_FILE,
        code=stage_code("cues"),
        settings=settings("cues"),
    shell:
        "camagain analyze {params.experiment} cues {wildcards.model} > {log} 2>&1"


rule interventions:
    input:
        MODEL_FILES,
        index=INDEX,
    output:
        analysis_files("interventions"),
    log:
        f"{LOGS}/analysis/interventions/{{model}}/{{change}}.log",
    benchmark:
        f"{LOGS}/analysis/interventions/{{model}}/{{change}}.tsv"
    conda:
        "../envs/camagain.yaml"
    threads: EXPERIMENT.compute.threads
    resources:
        gpu=GPU,
    params:
        experiment=EXPERIMENT_FILE,
        code=stage_code("interventions"),
        settings=settings("interventions"),
    shell:
        "camagain analyze {params.experiment} interventions {wildcards.model} --change {wildcards.change} > {log} 2>&1"
