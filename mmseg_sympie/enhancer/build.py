"""Enhancers from the entries of a config."""
import hashlib
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from ..errors import InputError
from ..io.config import type_name
from ..io.files import plain, sha256
from ..registry import MODELS, SCOPE
from .parse import parse_enhancer
from .pretrained import shipped
from .source_statistics import Source, load_source

TAKE_A_SOURCE = ('SourceMatch', 'SyMPIE')
FILE_KEYS = ('checkpoint', 'file', 'weights')  # in configs of enhancers
# As texts they are read by `parse_enhancer`, several joined by '+'.
Enhancer = str | Path | dict | Sequence[dict]


def build_enhancer(cfg: dict) -> nn.Module:
    """Build an enhancer from a config whose type and scope prefix may be left out."""
    cfg = dict(cfg)
    cfg.setdefault('type', 'SyMPIE')
    if isinstance(cfg['type'], str) and '.' not in cfg['type']:
        cfg['_scope_'] = SCOPE
    return MODELS.build(cfg)


def listed(enhancer: Enhancer | None) -> Sequence[dict]:
    """The configs of enhancers, of which there may be one alone, none, or a text that names them.

    Raises:
        InputError: something else, or an unknown name.
    """
    if isinstance(enhancer, (str, Path)):
        return [parse_enhancer(part.strip()) for part in str(enhancer).split('+')]
    configs = [enhancer] if isinstance(enhancer, dict) else [] if enhancer is None else enhancer
    if not isinstance(configs, (list, tuple)) or not all(isinstance(config, dict)
                                                         for config in configs):
        raise InputError("enhancer must be a name such as 'GreyWorld', a config such as "
                         f"dict(type='MeanMatch'), or a list of configs, got {enhancer!r}.")
    return configs


def takes_source(config: dict) -> bool:
    """Whether the config of an enhancer is of one that takes a source, and names none itself."""
    return type_name(config.get('type', 'SyMPIE')) in TAKE_A_SOURCE and 'source' not in config


def names_of(configs: Sequence[dict]) -> str:
    """The enhancers of configs in words, each with its source."""
    return ', '.join(type_name(each['type'])
                     + (f' with source {each["source"]}' if each.get('source') else '')
                     for each in configs) or 'none'


def fingerprint(configs: Sequence[dict]) -> str:
    """SHA-256 of the configs of enhancers and of the contents of all files that they name."""
    parts: list = [plain(configs)]
    for config in configs:
        source = config.get('source')
        files = [config[key] for key in FILE_KEYS if config.get(key)]
        if type_name(config['type']) == 'SyMPIE' and not config.get('checkpoint'):
            files.append(shipped(source))
        parts += map(sha256, files)
        if source is not None:
            parts.append(load_source(source).to_json())
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def enhancer_configs(enhancer: Enhancer | None, checkpoint: str | None = None,
                     source: Source | None = None) -> list[dict]:
    """The configs of enhancers in order, each with its type.

    Args:
        enhancer: as for `listed`; types may be left out.
        checkpoint: of the only enhancer, a SyMPIE.
        source: given to each enhancer that takes one and has none.

    Raises:
        InputError: no configs, a checkpoint beside other enhancers, or an unknown source.
    """
    configs = [{'type': 'SyMPIE', **config} for config in listed(enhancer)]
    if checkpoint is not None:
        if len(configs) != 1 or type_name(configs[0]['type']) != 'SyMPIE' \
                or 'checkpoint' in configs[0]:
            raise InputError(f'checkpoint={checkpoint!r} is short for a single SyMPIE enhancer, '
                             f'but enhancer={enhancer!r} was given too. Write the checkpoint '
                             'there.')
        configs[0]['checkpoint'] = checkpoint
    if source is not None:
        load_source(source)  # Also where no enhancer asks for it, a wrong name is an error.
        configs = [{'source': source, **config} if takes_source(config) else config
                   for config in configs]
    return configs
