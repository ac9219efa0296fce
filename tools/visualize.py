"""Pictures of test images: original, enhanced, what the segmentor sees in each, and the truth.

Example:
    python tools/test.py configs/mobilenetv2_camvid_sympie.py --compare
    python tools/visualize.py configs/mobilenetv2_camvid_sympie.py --out work_dirs/pictures
    python tools/visualize.py configs/mobilenetv2_camvid_sympie.py --out work_dirs/pictures \
        --images 0001TP_007650 0001TP_008130 --iterations 1 2 4

Writes OUT/panels.png with all images and a legend; for each image, in a folder named by its place
in the test set and its file, each picture at full size (original.png and so on), and with
--iterations iterations.png, the enhancers applied several times in a row.
"""
import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch.utils.data import Dataset

from mmseg_sympie.engine.panels import build_test_set, choose_images, image_paths, make_panels
from mmseg_sympie.engine.segmentation import check_inputs, has_enhancer
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.evaluation.panel_plots import draw_applications, draw_panels, panel_pictures
from mmseg_sympie.evaluation.panels import KINDS, Panel, find_images
from mmseg_sympie.evaluation.report import percent, read_report
from mmseg_sympie.io.config import CfgOptions, load_config, parsed_args
from mmseg_sympie.io.files import written_whole
from mmseg_sympie.runtime.malloc import tune_malloc_on_cpu

MOST_IMAGES = 40  # in one figure


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint', nargs='?', help="the segmentor's weights; default: load_from "
                        'of the config')
    parser.add_argument('--out', type=Path, required=True, help='output folder')
    parser.add_argument('--from', dest='reports', type=Path, metavar='FOLDER',
                        help='output folder of `tools/test.py CONFIG --compare`, to choose by the '
                        'change of the IoU of each image; default work_dirs/CONFIG')
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument('--choose', nargs='+', choices=KINDS, default=KINDS)
    chosen.add_argument('--images', nargs='+', metavar='NAME',
                        help='these instead: file names, or ends of paths')
    parser.add_argument('--count', type=int, default=1, help='images of each kind; default 1')
    parser.add_argument('--by-condition', action='store_true',
                        help='so many for each condition by itself, night first')
    parser.add_argument('--iterations', nargs='+', type=int, metavar='N',
                        help='also apply the enhancers so many times, such as 1 2 4')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={},
                        metavar='KEY=VALUE', help='changes to the config; data_root=FOLDER sets '
                        'the root of all its data sets')
    return parsed_args(parser)


def choose(args: argparse.Namespace, dataset: Dataset, enhanced: bool) -> dict[int, str]:
    """Index in the data set -> why it is shown.

    Raises:
        InputError, FileNotFoundError: an unknown name, or no reports to choose by.
    """
    if args.images:
        return dict.fromkeys(find_images(image_paths(dataset), args.images), '')
    folder = args.reports or Path(f'work_dirs/{Path(args.config).stem}')
    if not enhanced:
        return choose_images(dataset, read_report(folder), None, args.choose, args.count,
                             args.by_condition)
    if not (folder / 'with').is_dir():
        raise InputError(f'{folder} has no comparison to choose images by. Run `python '
                         f'tools/test.py {args.config} --compare` first, name another folder with '
                         '--from, or images with --images.')
    return choose_images(dataset, read_report(folder / 'with'), read_report(folder / 'without'),
                         args.choose, args.count, args.by_condition)


def caption(kind: str, panel: Panel, num_classes: int) -> str:
    """What stands beside a row: why it is shown, and the IoU before and after."""
    ious = ' -> '.join(map(percent, panel.ious(num_classes)))
    return '\n'.join(filter(None, [kind, panel.condition, f'mIoU {ious}']))


def write_pictures(panel: Panel, folder: Path, palette: Sequence[Sequence[int]]) -> None:
    """Each picture of a panel as a file of its own, at full size."""
    for name, picture in panel_pictures(panel, palette).items():
        with written_whole(folder / f'{name.replace(" ", "_")}.png') as partial:
            Image.fromarray(picture).save(partial)


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    checkpoint = args.checkpoint or cfg.get('load_from')
    enhanced = has_enhancer(cfg)
    if args.iterations and not (enhanced and min(args.iterations) > 0):
        raise InputError('--iterations takes whole numbers from 1 and needs a config with an '
                         f'enhancer; got {args.iterations} for {args.config}.')
    check_inputs(cfg, checkpoint, str(args.out))
    dataset = build_test_set(cfg)
    classes, palette = (dataset.metainfo[key] for key in ('classes', 'palette'))
    chosen = choose(args, dataset, enhanced)
    if not 1 <= len(chosen) <= MOST_IMAGES:
        raise InputError(f'There are {len(chosen)} images to show; wanted 1 to {MOST_IMAGES}. '
                         'Change --count or --images.')
    shown = (0, 1) if enhanced else (0,)
    applications = sorted({*shown, *(args.iterations or ())})
    panels, captions = [], []
    for (index, kind), every in zip(chosen.items(), make_panels(
            cfg, checkpoint, dataset, list(chosen), applications)):
        panel = every.only(shown)
        folder = args.out / f'{index}_{Path(panel.name).stem}'  # Conditions may share a file name.
        write_pictures(panel, folder, palette)
        if args.iterations:
            draw_applications(every, classes, palette, folder / 'iterations.png')
        panels.append(panel)
        captions.append(caption(kind, panel, len(classes)))
    draw_panels(panels, captions, classes, palette, args.out / 'panels.png')
    print(f'{len(panels)} images: {args.out}/panels.png')


if __name__ == '__main__':
    tune_malloc_on_cpu()
    with errors_without_traceback():
        main()
