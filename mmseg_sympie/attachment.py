"""Put the enhancer in front of any config's model."""
import copy
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from .enhancer.build import Enhancer, listed, takes_source
from .enhancer.source_statistics import Source, SourceStatistics, load_source
from .errors import InputError
from .io.config import type_name

# Data preprocessors with an enhanced twin of their own; any other goes by its name.
TWINS = {'SegDataPreProcessor': 'mmseg_sympie.SyMPIEDataPreprocessor',
         'ClsDataPreprocessor': 'mmseg_sympie.SyMPIEClsDataPreprocessor'}
ANY = 'mmseg_sympie.EnhancedDataPreprocessor'
# What a model takes whose config does not name one.
_BASE = 'BaseDataPreprocessor'
_UNNAMED = {'mmpretrain': 'ClsDataPreprocessor', 'mmdet': 'DetDataPreprocessor'}

# Type of the training data -> name of its source statistics, where matching to them was seen to
# gain (docs/acdc.md).
TRAINED_ON = dict(CityscapesDataset='cityscapes', CamVidDataset='camvid')
# Data sets that models trained on Cityscapes are tested on, for configs without training data.
TESTED_ON = dict(CityscapesDataset='cityscapes', ACDCDataset='cityscapes',
                 DarkZurichDataset='cityscapes', NightDrivingDataset='cityscapes')
AUTO = 'auto'

_NOT_COLOUR = ('LoadBiomedicalImageFromFile', 'LoadMultipleRSImageFromFile',
               'LoadSingleRSImageFromFile')


def attach(cfg: Config, enhancer: Enhancer | None = None,
           checkpoint: str | None = None, source: Source | None = AUTO) -> Config:
    """A copy of a config whose data preprocessor enhances the images first.

    Args:
        cfg: of MMSegmentation, MMPretrain or MMDetection; also one whose model is a TTA model
            around another.
        enhancer: as for the preprocessor, or a text as `parse_enhancer` takes it, several joined by
            '+'; by default SyMPIE.
        checkpoint: SyMPIE's weights; by default those that ship.
        source: what the model was trained on, as for the preprocessor; 'auto': what `known_source`
            says, where the enhancer `wants_source`; None: nothing.

    Raises:
        FileNotFoundError, InputError: there is an enhancer already, the model does not get colour
            images on 0..255, or the enhancer or the source is unknown.
    """
    if not isinstance(cfg, Config):
        raise InputError('Wanted a config, as mmengine.config.Config.fromfile(FILE) gives it, got '
                         f'{cfg!r:.200}.')
    cfg = copy.deepcopy(cfg)
    cfg.merge_from_dict(changes(cfg, enhancer, checkpoint, source))
    return cfg


def changes(cfg: Config, enhancer: Enhancer | None = None,
            checkpoint: str | None = None, source: Source | None = AUTO) -> dict:
    """What `attach` merges into the config; a child config that says this does the same."""
    check_images(cfg)
    path, preprocessor = find_preprocessor(cfg)
    if has_enhancer(cfg):
        raise InputError('The model has an enhancer already: data_preprocessor.type='
                         f'{preprocessor["type"]!r}. '
                         'To change it, write enhancer=... or checkpoint=... there.')
    scope = cfg.get('default_scope', 'mmseg')
    kind = preprocessor.get('type', _UNNAMED.get(scope, _BASE))
    twin = TWINS.get(type_name(kind))
    if not twin and isinstance(kind, str) and '.' not in kind and kind != _BASE:
        kind = f'{scope}.{kind}'
    change: dict[str, Any] = dict(type=twin) if twin else dict(type=ANY, behind=kind)
    if is_enhanced(preprocessor):
        change = {}
        # A list: MMEngine merges no config into what was None.
        enhancer = [dict(type='SyMPIE')] if enhancer is None else enhancer
    if preprocessor is cfg.get('data_preprocessor'):
        # One at the top of a config is the model's too, but gives way to one in the model.
        change = {**copy.deepcopy(preprocessor), **change}
    if enhancer is not None:
        change['enhancer'] = enhancer if isinstance(enhancer, dict) else list(listed(enhancer))
    if checkpoint is not None:
        change['checkpoint'] = checkpoint
    if source == AUTO:
        source = preprocessor.get('source', known_source(cfg) if wants_source(enhancer, checkpoint)
                                  else None)
    if source is not None:
        found = load_source(source)
        # MMEngine's configs hold no objects.
        source = found._asdict() if isinstance(source, SourceStatistics) else source
    if source is not None or 'source' in preprocessor:
        change['source'] = source
    for key in reversed(path):
        change = {key: change}
    return change


def wants_source(enhancer: Enhancer | None, checkpoint: str | None = None) -> bool:
    """Whether an enhancer is better with the source, and has none yet; arguments as of `attach`.

    What the weights of a checkpoint were trained for is not known.
    """
    entries = listed({} if enhancer is None else enhancer)
    return not (checkpoint or any('checkpoint' in each for each in entries)) and any(
        map(takes_source, entries))


def known_source(cfg: Config) -> str | None:
    """The name of the shipped source statistics for the data set that a config trains on.

    Without training data, it is the one that models are usually trained on for the test data.

    Returns:
        None where the type of the data set is unknown, or there are several.
    """
    known, data = (TRAINED_ON, 'train_dataloader') if cfg.get('train_dataloader') else (
        TESTED_ON, 'test_dataloader')
    found = {known.get(name) for name in _data_sets(cfg.get(data) or {})}
    return found.pop() if len(found) == 1 else None


def _data_sets(node: Any) -> set[str]:
    """Types of the data sets below a data loader's config, also of those inside others."""
    if isinstance(node, Mapping):
        inner = set().union(*(_data_sets(value) for key, value in node.items()
                              if key in ('dataset', 'datasets')))
        return inner or ({type_name(node['type'])} if 'type' in node and 'dataset' not in node else
                         set())
    return set().union(*map(_data_sets, node)) if isinstance(node, (list, tuple)) else set()


def is_enhanced(preprocessor: Mapping[str, Any]) -> bool:
    """Whether the config of a data preprocessor is of one that can have an enhancer."""
    return type_name(preprocessor.get('type')) in map(type_name, (*TWINS.values(), ANY))


def has_enhancer(cfg: Config) -> bool:
    """Whether the config's data preprocessor is ours with an enhancer in it."""
    preprocessor = find_preprocessor(cfg)[1]
    return is_enhanced(preprocessor) and bool(listed(preprocessor.get('enhancer', {})))


def find_preprocessor(cfg: Config) -> tuple:
    """Its place in the config, as a tuple of keys, and what it is (empty if there is none).

    Raises:
        InputError: there is no model.
    """
    if 'model' not in cfg:
        raise InputError(f'{cfg.filename} has no model to put an enhancer in front of.')
    path: tuple[str, ...] = ('model',)
    model: Any = cfg.model
    while isinstance(model, dict) and 'module' in model:
        path, model = (*path, 'module'), model['module']
    found = (model.get('data_preprocessor') or cfg.get('data_preprocessor') or {}
             if isinstance(model, dict) else model)
    if not isinstance(found, dict):
        raise InputError(f'{cfg.filename}: wanted dict(...) with a type for the model and its '
                         f'data_preprocessor, got {found!r:.200}.')
    return (*path, 'data_preprocessor'), found


def check_images(cfg: Config) -> None:
    """Raise InputError where the model does not get colour images on 0..255."""
    for step in _steps(cfg._cfg_dict):
        name = type_name(step['type'])
        if name in _NOT_COLOUR:
            raise InputError(f'{name} loads images that are not photographs of three colours: an '
                             'enhancer cannot correct them.')
        if name == 'LoadImageFromFile' and step.get('color_type', 'color') not in (
                'color', 'color_ignore_orientation'):
            raise InputError(f'LoadImageFromFile with color_type={step["color_type"]!r}: wanted '
                             "'color', three channels of 8 bits.")
        if name == 'Normalize':
            raise InputError('The pipeline normalises images before the model sees them, and an '
                             'enhancer needs them on 0..255: take Normalize out of the pipeline, '
                             'and give its mean and std to the data preprocessor.')
    mean = find_preprocessor(cfg)[1].get('mean')
    if mean is not None and len(mean) not in (1, 3):
        raise InputError(f'The data preprocessor has means for {len(mean)} channels: wanted '
                         'colour images, three.')


def _steps(node: Any) -> Iterator[Mapping[str, Any]]:
    """Everything with a `type` in the data sets' pipelines."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == 'pipeline' or key.endswith('_pipeline'):
                yield from _typed(value)
            else:
                yield from _steps(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _steps(value)


def _typed(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        if 'type' in node:
            yield node
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for value in node:
            yield from _typed(value)
