"""Write ImageNet-C, ImageNet-C-bar or ImageNetC-mixed from any images; or draw all corruptions.

Example:
    python tools/corrupt.py data/imagenet/val --out data/imagenet-c
    python tools/corrupt.py data/photos_ccby --out data/photos-c --corruptions street fog mixed \
        --severities 3 --short-side 0 --crop 0 --format png
    python tools/corrupt.py photo.jpg --gallery gallery.png --severities 3

Images go to OUT/CORRUPTION/SEVERITY/CLASS/IMAGE. CLASS is the folder of the original, or its number
where the originals come with labels.csv, and is left out where they have neither. Files that exist
are skipped: call it again to go on, or to add corruptions, severities or images. The seed and names
alone decide what is drawn; only other devices (CPU, CUDA) draw other numbers. The settings are
written to OUT/corruptions.json.
"""
import argparse
import os
from pathlib import Path

import torch
from torch.utils.data import DataLoader
from torchvision.transforms.functional import center_crop, pil_to_tensor
from tqdm import tqdm

from mmseg_sympie.cli.options import device
from mmseg_sympie.corruptions.tree import RECORD, SAVING, CorruptedTree, merged_record
from mmseg_sympie.datasets.photographs import Photographs, resize_short_side
from mmseg_sympie.engine.batches import GROUPS, corrupted, corruption_names
from mmseg_sympie.errors import InputError, errors_without_traceback
from mmseg_sympie.io.config import parsed_args
from mmseg_sympie.io.files import check_writable, write_json, written_whole
from mmseg_sympie.io.images import read_rgb, subfolders
from mmseg_sympie.runtime.malloc import tune_malloc


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path, help='folder of images; for --gallery one image')
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument('--out', type=Path, help='the folder to write')
    target.add_argument('--gallery', type=Path, metavar='FIGURE',
                        help='draw one image under the corruptions (.png, .pdf, ...)')
    parser.add_argument('--corruptions', nargs='+', metavar='NAME',
                        help='imagenet-c (15; the default), extra (4), street (4), pool (these 23; '
                        'the default of --gallery), imagenet-c-bar (10), mixed, or single ones')
    parser.add_argument('--severities', nargs='+', type=int, choices=range(1, 6), metavar='1..5',
                        help='all five; for --gallery one (3)')
    parser.add_argument('--short-side', type=int, default=256, metavar='PIXELS',
                        help='resize to this short side (256); 0 leaves images as they are')
    parser.add_argument('--crop', type=int, default=224, metavar='PIXELS',
                        help='cut out the central square (224); 0 leaves images as they are')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--format', choices=list(SAVING), default='jpg',
                        help='jpg of quality 85 as the released ImageNet-C (the default), or '
                        'lossless png')
    parser.add_argument('--limit', type=int, help='only so many images, spread evenly')
    parser.add_argument('--device', type=device,
                        default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--workers', type=int, help='processes (one for each core; on CUDA none)')
    args = parsed_args(parser, argv)
    for name in ('short_side', 'crop', 'workers'):
        if (getattr(args, name) or 0) < 0:
            parser.error(f'--{name.replace("_", "-")} must not be negative')
    if args.gallery and len(args.severities or [3]) > 1:
        parser.error('--gallery shows one severity')
    default = ('pool', [3]) if args.gallery else ('imagenet-c', [1, 2, 3, 4, 5])
    args.corruptions = args.corruptions or [default[0]]
    args.severities = sorted(set(args.severities or default[1]))
    if args.workers is None:
        args.workers = os.cpu_count() if args.device == 'cpu' else 0
    return args


def open_photographs(args: argparse.Namespace) -> Photographs:
    """With classes, where there are labels or folders."""
    if args.source.is_file():
        raise InputError(f'{args.source} is a file. Wanted a folder of images, or --gallery '
                         'instead of --out.')
    flat = (args.source.is_dir() and not (args.source / 'labels.csv').is_file()
            and not subfolders(args.source))
    return Photographs(args.source, args.short_side or None, args.crop or None, args.limit,
                       labels=None if flat else 'auto')


def write_tree(args: argparse.Namespace) -> None:
    names = corruption_names(args.corruptions)
    photographs = open_photographs(args)
    settings = dict(source=str(args.source.resolve()), short_side_px=args.short_side,
                    crop_px=args.crop, seed=args.seed, format=args.format,
                    device=torch.device(args.device).type)
    record = merged_record(args.out, settings, names, args.severities)
    tree = CorruptedTree(photographs, args.out, names, args.severities, args.seed, args.format,
                         args.device)
    check_writable(args.out)
    # Written first, so that an interrupted run goes on where it stopped.
    write_json(args.out / RECORD, record)
    tree.make_class_folders()
    torch.set_num_threads(1)  # As in the processes: sums in another order could round otherwise.
    workers = min(args.workers, len(tree))
    spawn = 'spawn' if workers and args.device != 'cpu' else None  # CUDA does not survive a fork.
    with tqdm(total=tree.num_files, initial=tree.num_files - tree.num_missing, unit='image') as bar:
        for written in DataLoader(tree, batch_size=None, num_workers=workers,
                                  multiprocessing_context=spawn):
            bar.update(written)
    print(f'Wrote {tree.num_missing} of {tree.num_files} images, the others were there: {args.out}')


@torch.inference_mode()
def write_gallery(args: argparse.Namespace) -> None:
    from mmseg_sympie.corruptions.gallery import draw_gallery  # Matplotlib takes a second.
    names = corruption_names(args.corruptions)
    photograph = read_rgb(args.source)
    if args.short_side:
        photograph = resize_short_side(photograph, args.short_side)
    if args.crop:
        photograph = center_crop(photograph, args.crop)
    image = pil_to_tensor(photograph)[None].to(args.device).float() / 255
    severity, = args.severities
    check_writable(args.gallery.parent)
    groups = {group: {name: corrupted(image, name, severity, (args.seed, args.source.name))[0]
                      for name in members if name in names}
              for group, members in GROUPS.items()}
    groups = {group: images for group, images in groups.items() if images}
    first = next(iter(groups))
    groups[first] = {'original': image[0], **groups[first]}
    with written_whole(args.gallery) as partial:
        draw_gallery(groups, partial, f'severity {severity}')
    print(f'{len(names)} corruptions of {args.source}: {args.gallery}')


def main(argv=None) -> None:
    args = parse_args(argv)
    if args.gallery:
        write_gallery(args)
    else:
        write_tree(args)


if __name__ == '__main__':
    tune_malloc()
    with errors_without_traceback():
        main()
