"""What a segmentor sees in images and videos without labels, without and with the enhancer.

Example:
    sympie predict frames/ drive.mp4 --config my_config.py --weights my_weights.pth --out predicted
    sympie predict night.jpg --config my_config.py --enhancer GreyWorld --out predicted

Writes, for each image, OUT/NAME.png: image and overlay without and with the enhancer side by side,
with a legend, the share of the pixels that change, and a box where they change most; and the label
maps OUT/labels/without/NAME.png and OUT/labels/with/NAME.png, whose values are the classes. For
each video OUT/NAME.mp4 (or .mkv) and the label maps of its frames. OUT/predictions.json has the
share of each class. In a folder, a file that cannot be read does not stop the others: these are
listed at the end, and the exit status is 1.
"""
import argparse
from pathlib import Path

from ..errors import InputError
from .options import add_cfg_options, add_device, add_enhancer, add_source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('inputs', nargs='+', type=Path,
                        help='images, videos (.mp4, .mkv, .mov, .avi, .webm), or folders of both')
    parser.add_argument('--config', required=True,
                        help='of a segmentor: a file, or the name of one that ships (see `sympie '
                        'configs`); one without an enhancer gets one')
    parser.add_argument('--weights', metavar='FILE_OR_ADDRESS',
                        help="the segmentor's; default: load_from of the config. From an address "
                        'they are downloaded once')
    parser.add_argument('--out', type=Path, required=True, help='output folder')
    add_enhancer(parser)
    add_source(parser, default='auto')
    parser.add_argument('--resume', action='store_true',
                        help='leave out what the same settings have done in the output folder')
    parser.add_argument('--every', type=int, default=1, metavar='N',
                        help='of a video, only every n-th frame')
    add_device(parser)
    add_cfg_options(parser)


def begin(args: argparse.Namespace) -> None:
    """Find the files and the config, and say what will be done."""
    if args.every < 1:
        raise InputError(f'--every is a number of frames from 1, got {args.every}.')
    from ..engine.file_runs import LABELS, announce, plan
    from ..io.files import check_writable
    from ..io.shipped import find_config
    args.config = find_config(args.config)
    if args.weights and '://' not in args.weights and not Path(args.weights).is_file():
        raise FileNotFoundError(f'The weights {args.weights} do not exist (looked from '
                                f'{Path.cwd()}).')
    args.planned = plan(args.inputs, args.out, LABELS)
    check_writable(args.out)
    announce(args.planned, args.out, f'the segmentor of {Path(args.config).stem}')


def main(args: argparse.Namespace) -> None:
    """Predict all that was named, and say how much changes and where the results are."""
    from ..engine.file_runs import Record
    from ..engine.inference import SegmentorWithEnhancer
    from ..engine.predict import RECORD, predict_all, settings_of
    from ..enhancer.build import names_of
    from ..io.config import load_config
    from ..runtime.malloc import tune_malloc_on_cpu
    tune_malloc_on_cpu()
    cfg = load_config(args.config, args.cfg_options)
    segmentor = SegmentorWithEnhancer(cfg, args.weights, args.enhancer,
                                      args.source, args.device)
    record = Record(args.out, RECORD, settings_of(segmentor, args.every))
    outcome = predict_all(segmentor, args.planned, record, args.every, args.resume)
    changed = {target: record.entries[target]['changed_percent']
               for target in (*outcome.done, *outcome.there)}
    if changed:
        most = max(changed, key=lambda target: changed[target])
        print(f'{outcome.summary("predicted")}: {sum(changed.values()) / len(changed):.1f}% of the '
              f'pixels change' + (f', at most {changed[most]:.1f}% in {most}.'
                                  if len(changed) > 1 else '.'))
        print(f'Enhancer: {names_of(segmentor.enhancers)}. Results: {args.out}')
    outcome.raise_failures('predicted')
