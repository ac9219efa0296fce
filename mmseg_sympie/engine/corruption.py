"""Corrupted copies of images, as files or as one figure."""
import argparse

import torch
from torch.utils.data import DataLoader
from torchvision.transforms.functional import center_crop, pil_to_tensor
from tqdm import tqdm

from ..corruptions.by_name import GROUPS, corrupted, corruption_names
from ..corruptions.gallery import draw_gallery
from ..corruptions.tree import RECORD, CorruptedTree, merged_record
from ..datasets.photographs import Photographs, resize_short_side
from ..errors import InputError
from ..io.files import check_writable, write_json, written_whole
from ..io.images import read_rgb, subfolders


def open_photographs(args: argparse.Namespace) -> Photographs:
    """With classes, where there are labels or folders."""
    if args.source.is_file():
        raise InputError(f'{args.source} is a file. Wanted a folder of images, or --gallery '
                         'instead of --out.')
    flat = (args.source.is_dir() and not (args.source / 'labels.csv').is_file()
            and not subfolders(args.source))
    return Photographs(args.source, args.short_side or None, args.crop or None, args.limit,
                       labels=None if flat else 'auto')


def write_tree(args: argparse.Namespace) -> tuple[int, int]:
    """Write what is missing; the number of files written, and of all."""
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
    return tree.num_missing, tree.num_files


@torch.inference_mode()
def draw_corruptions(args: argparse.Namespace) -> int:
    """Draw one image under each corruption; how many there are."""
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
    return len(names)
