"""Render synthetic street scenes, and test a small segmentor on them without and with enhancers.

Example:
    sympie demo
    sympie demo --val 3 --data /tmp/scenes --out /tmp/demo

Needs no download: the segmentor's weights ship. Tables, plots and each image's scores go to --out.
"""
import argparse
from pathlib import Path

CONFIG = 'demo_sympie'
# The baseline, two enhancers that need no training, and the learned one.
ENHANCERS = ('none', 'GreyWorld', 'SourceMatch:source=demo', 'SyMPIE:source=demo')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('--data', type=Path, default=Path('data/demo'),
                        help='folder of the scenes; default %(default)s')
    parser.add_argument('--out', type=Path, default=Path(f'work_dirs/{CONFIG}'),
                        help='folder of the report; default %(default)s')
    parser.add_argument('--val', type=int, default=12, metavar='N',
                        help='scenes of each condition; default %(default)s')


def main(args: argparse.Namespace) -> None:
    """Render, test, and say in a few lines what was seen and where to go on."""
    from ..engine.comparison import compare_variants
    from ..engine.scenes import render_scenes
    from ..io.config import load_config
    from ..runtime.malloc import tune_malloc_on_cpu
    tune_malloc_on_cpu()
    render_scenes(args.data, 0, args.val, 0)
    cfg = load_config(CONFIG, dict(data_root=str(args.data)))
    compare_variants(cfg, cfg.load_from, ENHANCERS, args.out)
    print('''
The scenes are synthetic, and the segmentor, which knows clear ones alone (mIoU 58 there), is small:
they show the tool at work, not what it gains on real streets.
Your own images: sympie predict IMAGE --config CONFIG --weights WEIGHTS --out OUT (see README)''')
