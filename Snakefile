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


include: "workflow/rules/storage.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/common.smk"


# Every file that the run promises, not the last one alone: what was deleted or never came is made again.
rule all:
    default_target: True
    input:
        all_of(*(name for name in stages.stages() if name not in NOT_IN_ALL)),


rule data:
    input:
        all_of("data"),


rule models:
    input:
        all_of("finetune"),


rule localization:
    input:
        all_of("localize"),


rule evaluation:
    input:
        all_of("evaluate", "evaluate_baseline"),


rule analysis:
    input:
        all_of(*ANALYSES),


rule tables:
    input:
        all_of("tables"),


rule figures:
    input:
        all_of("figures"),


rule report:
    input:
        all_of("report"),


rule explorer:
    input:
        all_of("explorer"),


include: "workflow/rules/data.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/localization.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/analysis.smk"
include: "workflow/rules/paper.smk"
