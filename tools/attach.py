"""Write a config that puts the enhancer in front of another config's model.

Example:
    python tools/attach.py my_model.py --out my_model_sympie.py
    python tools/attach.py my_model.py --out my_model_matched.py --mean-match 110

The new file inherits from the old one and changes its data preprocessor; what cannot be done is
refused with the reason.
"""
import argparse
import os
import pprint
from pathlib import Path
from typing import Any

from mmseg.registry import MODELS

from mmseg_sympie.attachment import AUTO, changes, find_preprocessor, known_source
from mmseg_sympie.enhancer.image_statistics import named_sources
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.io.config import (
    building,
    enter_scope,
    is_python_style,
    load_config,
    parsed_args,
    type_name,
)
from mmseg_sympie.io.files import write_text, written_whole


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=Path)
    parser.add_argument('--out', type=Path, required=True, help='the new config, a .py file')
    parser.add_argument('--force', action='store_true', help='write over a config that is there')
    enhancer = parser.add_mutually_exclusive_group()
    enhancer.add_argument('--checkpoint', help='weights of SyMPIE; by default those that ship')
    enhancer.add_argument('--mean-match', type=float, metavar='TARGET',
                          help='instead of SyMPIE, scale each image to this mean on 0..255')
    parser.add_argument('--source', default=AUTO, metavar='NAME_OR_JSON',
                        help='what the model was trained on: source statistics that ship '
                        f'({", ".join(named_sources())}), or a file of '
                        'tools/source_statistics.py; none for nothing; by default what the type of '
                        'the training data says')
    return parsed_args(parser)


def with_names(value: Any) -> Any:
    """Classes in a config by their registered names."""
    if isinstance(value, dict):
        return {key: with_names(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_names(each) for each in value]
    return type_name(value, scoped=True) if isinstance(value, type) else value


def child_config(base: Path, out: Path, changes: dict[str, Any]) -> str:
    """The text of a config at `out` that inherits from `base`, in its style.

    Raises:
        InputError: a base in Python's style has a name that Python cannot import.
    """
    path = os.path.relpath(base.resolve(), out.resolve().parent)
    written = {name: pprint.pformat(value, sort_dicts=False, width=96)
               for name, value in changes.items()}
    if not is_python_style(str(base)):
        path = path if path.startswith('.') else f'./{path}'
        return '\n'.join([f'_base_ = [{path!r}]',
                          *(f'{name} = {value}' for name, value in written.items())]) + '\n'
    ups, parts = path.count('../'), Path(path.replace('../', '')).with_suffix('').parts
    if not all(part.isidentifier() for part in parts):
        raise InputError(f'The config is in Python\'s style, and {path} is no name that Python can '
                         'import: rename the file, or in Python call mmseg_sympie.attach(cfg).')
    return '\n'.join(['from mmengine.config import read_base', '', 'with read_base():',
                      f'    from {"." * (ups + 1)}{".".join(parts)} import *', '',
                      *(f'{name}.merge({value})' for name, value in written.items())]) + '\n'


def main() -> None:
    args = parse_args()
    if args.out.resolve() == args.config.resolve():
        raise InputError(f'--out {args.out} is the config itself. Choose another name.')
    if args.out.suffix != '.py':
        raise InputError(f'--out {args.out} is no Python file: wanted {args.out}.py, or another '
                         'name that ends in .py.')
    if args.out.exists() and not args.force:
        raise InputError(f'--out {args.out} exists. Choose another name, or give --force to write '
                         'over it.')
    cfg = load_config(str(args.config))
    enhancer = (None if args.mean_match is None else
                dict(type='MeanMatch', target=args.mean_match))
    source = None if args.source == 'none' else args.source
    text = child_config(args.config, args.out,
                        with_names(changes(cfg, enhancer, args.checkpoint, source)))
    with written_whole(args.out) as partial:
        write_text(partial, text)
        attached = load_config(str(partial))
        enter_scope(attached)
        with building('the data preprocessor'):
            preprocessor = MODELS.build(find_preprocessor(attached)[1])
    print(f'{args.out}: {preprocessor}')
    if source == AUTO and args.checkpoint is None and enhancer is None:
        print(f'Source: {known_source(cfg)}, by the type of the training data.'
              if known_source(cfg) else
              'Source: unknown by the type of the training data, so nothing is matched. Measure it '
              'with `python tools/source_statistics.py CONFIG --out FILE.json` and name it with '
              '--source FILE.json.')


if __name__ == '__main__':
    with errors_without_traceback():
        main()
