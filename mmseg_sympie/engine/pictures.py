"""Pictures of test images: original, enhanced, what the segmentor sees in each, and the truth."""
import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from torch.utils.data import Dataset

from ..attachment import has_enhancer
from ..errors import InputError
from ..evaluation.panel_plots import draw_applications, draw_panels, panel_pictures
from ..evaluation.panels import Panel, find_images
from ..evaluation.report import percent, read_report
from ..io.config import load_config
from ..io.files import written_whole
from .panels import build_test_set, choose_images, image_paths, make_panels
from .segmentation import check_inputs
from .segmentor_weights import checkpoint_of

MOST_IMAGES = 40  # in one figure


def draw_pictures(args: argparse.Namespace) -> int:
    """Draw what the options of the command name; the number of images.

    Raises:
        InputError: something that this needs is missing.
    """
    cfg = load_config(args.config, args.cfg_options)
    checkpoint = checkpoint_of(cfg, args.checkpoint)
    enhanced = has_enhancer(cfg)
    if args.iterations and not (enhanced and min(args.iterations) > 0):
        raise InputError('--iterations takes whole numbers from 1 and needs a config with an '
                         f'enhancer; got {args.iterations} for {args.config}.')
    check_inputs(cfg, checkpoint, str(args.out))
    assert checkpoint is not None  # That was checked.
    dataset: Any = build_test_set(cfg)
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
    return len(panels)


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
