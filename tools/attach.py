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

from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_sympie.attach import AUTO, changes, find_preprocessor, known_source
from mmseg_sympie.config import load_config, parsed_args
from mmseg_sympie.enhancer.image_statistics import named_sources
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.files import written_whole


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=Path)
    parser.add_argument('--out', type=Path, required=True, help='the new config')
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


def main() -> None:
    args = parse_args()
    if args.out.resolve() == args.config.resolve():
        raise InputError(f'--out {args.out} is the config itself. Choose another name.')
    cfg = load_config(str(args.config))
    enhancer = (None if args.mean_match is None else
                dict(type='MeanMatch', target=args.mean_match))
    base = os.path.relpath(args.config.resolve(), args.out.resolve().parent)
    base = base if base.startswith('.') else f'./{base}'
    kind = find_preprocessor(cfg)[1].get('type')
    if not isinstance(kind, (str, type(None))):
        raise InputError(f'The config names its data preprocessor as a class, {kind}, which a file '
                         'cannot repeat: write its registered name there.')
    lines = [f'_base_ = [{base!r}]']
    source = None if args.source == 'none' else args.source
    for name, value in changes(cfg, enhancer, args.checkpoint, source).items():
        lines.append(f'{name} = {pprint.pformat(value, sort_dicts=False, width=96)}')
    with written_whole(args.out) as partial:
        partial.write_text('\n'.join(lines) + '\n')
        attached = load_config(str(partial))
        init_default_scope(attached.get('default_scope', 'mmseg'))
        preprocessor = MODELS.build(find_preprocessor(attached)[1])
    print(f'{args.out}: {preprocessor}')
    if source == AUTO and args.checkpoint is None:
        print(f'Source: {known_source(cfg)}, by the type of the training data.'
              if known_source(cfg) else
              'Source: unknown by the type of the training data, so nothing is matched. Measure it '
              'with `python tools/source_statistics.py CONFIG --out FILE.json` and name it with '
              '--source FILE.json.')


if __name__ == '__main__':
    with errors_without_traceback():
        main()
