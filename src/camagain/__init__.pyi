"""The public names of camagain: functions and classes that keep their name and arguments (docs/api.md)."""

from camagain.analysis.erf.area import area_ratios as area_ratios
from camagain.analysis.erf.contribution import contribution_map as contribution_map
from camagain.config.experiment import Evaluation as Evaluation
from camagain.config.experiment import Input as Input
from camagain.config.experiment import Localization as Localization
from camagain.errors import NotApplicable as NotApplicable
from camagain.errors import UserError as UserError
from camagain.evaluation.boxes import best_ious as best_ious
from camagain.evaluation.boxes import boxes_at as boxes_at
from camagain.evaluation.metrics import max_box_acc as max_box_acc
from camagain.evaluation.metrics import max_box_acc_v2 as max_box_acc_v2
from camagain.evaluation.own import score as score
from camagain.evaluation.own import score_file as score_file
from camagain.localization.methods.cam import cam as cam
from camagain.localization.methods.pc1 import pc1 as pc1
from camagain.models.large_kernel import replace_large_kernels as replace_large_kernels
from camagain.models.merging import merge as merge
from camagain.models.zoo import create as create
from camagain.own.localize import localize as localize
from camagain.own.network import own_network as own_network

__version__: str
