"""Where MMEngine looks for everything written `type='mmseg_sympie.…'` in a config.

MMEngine imports this module when it meets the scope, and the `locations` when it looks a name up.
Register an enhancer of your own with `@MODELS.register_module()`.
"""
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry

SCOPE = 'mmseg_sympie'

MODELS = Registry('model', parent=MMENGINE_MODELS, scope=SCOPE,
                  locations=['mmseg_sympie.enhancer', 'mmseg_sympie.data_preprocessor',
                             'mmseg_sympie.models'])
DATASETS = Registry('dataset', parent=MMENGINE_DATASETS, scope=SCOPE,
                    locations=['mmseg_sympie.datasets'])
TRANSFORMS = Registry('transform', parent=MMENGINE_TRANSFORMS, scope=SCOPE,
                      locations=['mmseg_sympie.datasets'])
METRICS = Registry('metric', parent=MMENGINE_METRICS, scope=SCOPE,
                   locations=['mmseg_sympie.evaluation'])
