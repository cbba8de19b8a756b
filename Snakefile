# CAM Back Again, reproduced. One experiment = one file:
#   snakemake --cores all                                               the default experiment, `demo`
#   snakemake --cores all --configfile config/experiments/cub27.yaml    another one
#   snakemake --cores all tables                                        a small target; see the list below
from snakemake.utils import min_version

min_version("9.27")


# Each experiment file is complete. Merging the default into another would mix two experiments.
if not workflow.config_settings.configfiles:

    configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"


# Every file that the run promises, not the last one alone: what was deleted or never came is made again.
rule all:
    default_target: True
    input:
        files(*(name for name in stages.stages() if name not in NOT_IN_ALL)),


rule data:
    input:
        files("data"),


rule models:
    input:
        files("finetune"),


rule localization:
    input:
        files("localize"),


rule evaluation:
    input:
        files("evaluate", "evaluate_baseline"),


rule analysis:
    input:
        files(*ANALYSES),


rule tables:
    input:
        files("tables"),


rule figures:
    input:
        files("figures"),


rule report:
    input:
        files("report"),


rule explorer:
    input:
        files("explorer"),


include: "workflow/rules/data.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/localization.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/analysis.smk"
include: "workflow/rules/paper.smk"
