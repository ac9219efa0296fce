"""The same test with another enhancer, by a short name (`tools/test.py --compare NAME`)."""
import copy
import re
from collections.abc import Sequence

from mmengine.config import Config

from ..attachment import attach, find_preprocessor, has_enhancer, known_source
from ..enhancer.parse import TRAINING_FREE, parse_arguments, parse_enhancer
from ..errors import InputError
from ..evaluation.compare_enhancers import NONE
from ..registry import SCOPE

# Models around the segmentor, of `models/test_time.py`; the second with enhancers in it.
ADAPTING, AVERAGING = ('AlphaBN', 'TENT'), 'AverageWithOriginal'


def variant(cfg: Config, name: str) -> Config:
    """A copy of a config with what a name says in the place of its enhancers.

    Args:
        cfg: its data preprocessor may have enhancers or not; a source that it names stays.
        name: 'none', enhancers as `parse_enhancer` takes them, joined by '+' and applied in that
            order, 'AlphaBN' or 'TENT' (without enhancers), or 'AverageWithOriginal+' before others.

    Raises:
        InputError: there is nothing of this name.
    """
    cfg = copy.deepcopy(cfg)
    first, *rest = name.split('+')
    wrapper = first if first.partition(':')[0] in (*ADAPTING, AVERAGING) else None
    enhancers = [parse_enhancer(part) for part in (rest if wrapper else [first, *rest])
                 if part != NONE]
    if first == AVERAGING and not enhancers:
        raise InputError(f'{name}: wanted an enhancer after it, as in {AVERAGING}+SourceMatch.')
    preprocessor = find_preprocessor(cfg)[1]
    if has_enhancer(cfg):
        preprocessor.update(enhancer=enhancers, checkpoint=None, smoothing=None)
    else:
        cfg = attach(cfg, enhancers, source=preprocessor.get('source', known_source(cfg)))
    if wrapper:
        config = parse_arguments(wrapper)
        cfg.model = dict(config, type=f'{SCOPE}.{config["type"]}', module=cfg.model)
    return cfg


def is_training_free(name: str) -> bool:
    """Whether a variant is made of enhancers alone that were not trained."""
    return all(part.partition(':')[0] in TRAINING_FREE for part in name.split('+'))


def folder_name(name: str) -> str:
    """A name as that of a folder."""
    return re.sub(r'[^\w.=+-]+', '_', name)


def with_none(names: Sequence[str]) -> Sequence[str]:
    """The names with 'none' before them, each once."""
    return list(dict.fromkeys([NONE, *names]))
