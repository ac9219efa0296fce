"""Where MMEngine looks for everything written `type='mmseg_sympie.…'` in a config.

MMEngine imports this module when it meets the scope, and the `locations` when it looks a name up.
Register an enhancer of your own with `@MODELS.register_module()`.
"""
from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import LOOPS as MMENGINE_LOOPS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry

from .runtime.version import check_mmseg

check_mmseg()

SCOPE = 'mmseg_sympie'

MODELS = Registry('model', parent=MMENGINE_MODELS, scope=SCOPE,
                  locations=['mmseg_sympie.enhancer', 'mmseg_sympie.data_preprocessor',
                             'mmseg_sympie.models', 'mmseg_sympie.pretraining',
                             'mmseg_sympie.deepcorrect'])
DATASETS = Registry('dataset', parent=MMENGINE_DATASETS, scope=SCOPE,
                    locations=['mmseg_sympie.datasets', 'mmseg_sympie.pretraining'])
TRANSFORMS = Registry('transform', parent=MMENGINE_TRANSFORMS, scope=SCOPE,
                      locations=['mmseg_sympie.datasets', 'mmseg_sympie.corruptions.transform'])
METRICS = Registry('metric', parent=MMENGINE_METRICS, scope=SCOPE,
                   locations=['mmseg_sympie.evaluation', 'mmseg_sympie.pretraining'])
DATA_SAMPLERS = Registry('data sampler', parent=MMENGINE_DATA_SAMPLERS, scope=SCOPE,
                         locations=['mmseg_sympie.pretraining'])
LOOPS = Registry('loop', parent=MMENGINE_LOOPS, scope=SCOPE,
                 locations=['mmseg_sympie.pretraining'])
FUNCTIONS = Registry('function', parent=MMENGINE_FUNCTIONS, scope=SCOPE,
                     locations=['mmseg_sympie.pretraining'])
HOOKS = Registry('hook', parent=MMENGINE_HOOKS, scope=SCOPE,
                 locations=['mmseg_sympie.pretraining', 'mmseg_sympie.deepcorrect'])
