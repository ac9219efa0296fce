"""Write a config that puts the enhancer in front of another config's model.

Example:
    python tools/attach.py my_model.py --out my_model_sympie.py
    python tools/attach.py my_model.py --out my_model_matched.py --enhancer SourceMatch

The new file inherits from the old one and changes its data preprocessor; what cannot be done is
refused with the reason.
"""
import argparse
from pathlib import Path

from ..errors import InputError
from .options import add_enhancer, add_source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('config', type=Path)
    parser.add_argument('--out', type=Path, required=True, help='the new config, a .py file')
    parser.add_argument('--force', action='store_true', help='write over a config that is there')
    enhancer = parser.add_mutually_exclusive_group()
    enhancer.add_argument('--checkpoint', help='weights of SyMPIE; by default those that ship')
    add_enhancer(enhancer)
    enhancer.add_argument('--mean-match', type=float, metavar='TARGET',
                          help='instead of SyMPIE, scale each image to this mean on 0..255')
    add_source(parser, default='auto')


def main(args: argparse.Namespace) -> None:
    """Check the new file's name, write it, and say what was attached."""
    if args.out.suffix != '.py':
        raise InputError(f'--out {args.out} is no Python file: wanted {args.out}.py, or another '
                         'name that ends in .py.')
    from ..attachment import AUTO, find_preprocessor, known_source, wants_source
    from ..engine.child_config import write_child
    from ..engine.segmentor_config import enhancers_for
    from ..io.config import files_of, load_config
    from ..io.shipped import find_config
    config = Path(find_config(str(args.config)))
    if args.out.resolve() in files_of(str(config)):
        raise InputError(f'--out {args.out} is the config itself, or one that it inherits from. '
                         'Choose another name.')
    if args.out.exists() and not args.force:
        raise InputError(f'--out {args.out} exists. Choose another name, or give --force to write '
                         'over it.')
    enhancer = (args.enhancer if args.mean_match is None else
                dict(type='MeanMatch', target=args.mean_match))
    configs = [] if enhancer is None else enhancers_for(enhancer, args.source)
    preprocessor = write_child(config, args.out, enhancer, args.checkpoint, args.source)
    print(f'{args.out}: {preprocessor}')
    cfg = load_config(str(config))
    if args.source != AUTO or 'source' in find_preprocessor(cfg)[1]:
        return
    if args.checkpoint or any('checkpoint' in each for each in configs):
        print('Source: none, because a checkpoint does not say what it was trained for. If it was '
              'for a source, name that by --source.')
    elif wants_source(enhancer):
        known = known_source(cfg)
        data = 'training' if cfg.get('train_dataloader') else 'test'
        print(f'Source: {known}, assumed from the type of the {data} data. Another: --source.'
              if known else
              f'Source: unknown from the type of the {data} data, so nothing is matched. Name what '
              'the model was trained on by --source: cityscapes, camvid, imagenet, or a FILE.json '
              'of `sympie source-statistics CONFIG --out FILE.json`.')
