"""Cost of the enhancer: the published formulation, plain preprocessing, and ours."""
import argparse
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.analysis import FlopAnalyzer
from mmseg.models import SegDataPreProcessor
from torch import Tensor

from ..data_preprocessor import SyMPIEDataPreprocessor
from ..enhancer import NEM, WarpParameters, clamp_to_image_range, view
from ..enhancer.backends import thumbnail_and_mean, warp
from ..enhancer.dwm import filter_images
from ..enhancer.folding import fold
from ..evaluation.report import terminal
from ..io.figures import new_figure, save_figure
from ..io.files import check_writable
from ..normalization import IMAGENET_RGB, IMAGENET_RGB_255
from ..runtime.malloc import trim_malloc, tune_malloc
from .memory import peak_mib
from .timing import interleaved, machine, summary, write_table

PLAIN, PUBLISHED, OURS = 'SegDataPreProcessor', 'published formulation', 'SyMPIEDataPreprocessor'
NORMALISATION = dict(IMAGENET_RGB_255._asdict(), bgr_to_rgb=True)


def published_warp(image: Tensor, parameters: WarpParameters) -> Tensor:
    """The warp as Sec. 3.1 states it: shift, then matrix, then one filter for each channel."""
    shifted = image + parameters.shift[..., None, None]
    mixed = torch.einsum('bdhw,bdc->bchw', shifted, parameters.matrix)
    return filter_images(mixed, parameters.kernel)


def calls(size: tuple[int, int], batch_size: int, device: str,
          precision: str | None = None, output_dtype: str = 'float32',
          source: str = 'cityscapes') -> dict[str, Callable[[], Any]]:
    """What is timed, by name, on images of the size (width, height).

    The published formulation gets images that are float32 and standardised already; the
    preprocessors get lists of uint8 images, and give what a segmentor takes.
    """
    width, height = size
    raw = torch.randint(0, 256, (batch_size, 3, height, width), dtype=torch.uint8, device=device)
    data = dict(inputs=list(raw), data_samples=[None] * batch_size)
    plain = SegDataPreProcessor(**NORMALISATION).to(device)
    options = dict(NORMALISATION, precision=precision, output_dtype=output_dtype)
    ours = SyMPIEDataPreprocessor(**options).to(device)
    sympie = ours.enhancers[0].to(device)
    standardised = IMAGENET_RGB.standardise(raw.flip(1).float() / 255)
    thumbnail = view(standardised)
    parameters = WarpParameters.split(sympie.nem(thumbnail))
    warped = published_warp(standardised, parameters)
    measured = ours.fast.measure(raw)
    folded = fold(parameters, 'bgr', ours.output_format)

    def published() -> Tensor:
        predicted = WarpParameters.split(sympie.nem(view(standardised)))
        return clamp_to_image_range(published_warp(standardised, predicted))

    def whole(enhancer: dict[str, Any]) -> Callable[[], Any]:
        preprocessor = SyMPIEDataPreprocessor(**options, source=source, enhancer=enhancer)
        return functools.partial(preprocessor.to(device), data)

    timed = {
        PLAIN: lambda: plain(data), PUBLISHED: published, OURS: lambda: ours(data),
        f'{OURS}, source={source}': whole(dict(type='SyMPIE')),
        'the same with SourceMatch': whole(dict(type='SourceMatch')),
        'the same with its colours alone': whole(dict(type='SourceMatch', tone=False,
                                                      detail=False)),
        'view, published': lambda: view(standardised),
        'NEM, published': lambda: sympie.nem(thumbnail),
        'warp, published': lambda: published_warp(standardised, parameters),
        'clamp, published': lambda: clamp_to_image_range(warped),
        'view and mean, ours': lambda: thumbnail_and_mean(raw),
        'NEM, ours': lambda: ours.fast.predict_from(measured),
        'folding, ours': lambda: fold(parameters, 'bgr', ours.output_format),
        'warp, ours': lambda: warp(raw, folded, ours.output_dtype)}
    if raw.is_cuda and batch_size == 1:
        recorded = SyMPIEDataPreprocessor(**options, cuda_graph=True).to(device)
        timed[f'{OURS} with cuda_graph=True'] = lambda: recorded(data)
    return timed


@torch.inference_mode()
def benchmark_enhancer(args: argparse.Namespace) -> None:
    """Write and print the tables; for the arguments see tools/benchmark.py."""
    check_writable(args.out)
    if args.tune_malloc:
        tune_malloc()
    # A call would pay for giving back what another has left, or find it and pay less.
    before = (lambda: None) if args.tune_malloc else trim_malloc
    measured = []
    for threads, batch_size, size in itertools.product(args.threads, args.batch_sizes, args.sizes):
        torch.set_num_threads(threads)
        timed = calls(size, batch_size, args.device, args.precision, args.output_dtype,
                      args.source)
        title = f'{size[0]}x{size[1]}'
        found = interleaved(timed, args.repeats, args.device, title, before)
        measured.append(dict(
            width=size[0], height=size[1], batch_size=batch_size, threads=threads,
            ms_per_image={name: summary(values, batch_size) for name, values in found.items()},
            peak_mib={name: peak_mib(timed[name], args.device)
                      for name in (PLAIN, PUBLISHED, OURS)}))
    if args.segmentor:
        measure_segmentor(measured[-1], args)
    title = (f'uint8 images to normalised {args.output_dtype}, '
             f'{machine(args.device, args.threads[-1])}, network in '
             f'{args.precision or "the precision of the device"}, medians of {args.repeats}')
    if args.device == 'cpu':
        title += f', freed memory {"kept" if args.tune_malloc else "returned"}'
    tables = [table(measured), table_of_parts(measured[-1])]
    costs = dict(nem_macs=FlopAnalyzer(NEM(), torch.zeros(1, 3, 224, 224)).unsupported_ops_warnings(
        False).total(),
                 warp_macs_per_pixel=3 * 3 + 3 * 25)
    write_table(args.out / 'enhancer', title, tables, dict(measured=measured, **costs))
    plot(measured, title, args.out / 'enhancer.png')
    for rows in tables:
        print(terminal(rows, title, summary_rows=len(rows) - 1))
    print('Multiply-adds at 1920x1080: network {nem_macs:.3g}, warp {warp:.3g} '
          '(paper, Table 5: 2.0 GFLOPs in all)'.format(
              warp=1920 * 1080 * costs['warp_macs_per_pixel'], **costs))


def measure_segmentor(cell: dict[str, Any], args: argparse.Namespace) -> None:
    """Add the forward pass of a segmentor with random weights, at the size of this cell."""
    from mmseg.registry import MODELS as MMSEG_MODELS

    from ..io.config import forget_pretrained, load_config
    model = load_config(args.segmentor).model
    forget_pretrained(model)
    model.data_preprocessor = None
    network = MMSEG_MODELS.build(model).eval().to(args.device)
    image = torch.zeros(cell['batch_size'], 3, cell['height'], cell['width'], device=args.device)

    def forward() -> Tensor:
        with torch.autocast(args.device, torch.float16, enabled=args.device != 'cpu'):
            return network(image, mode='tensor')

    found = interleaved({'segmentor': forward}, min(args.repeats, 3), args.device, args.segmentor)
    cell['ms_per_image'][f'forward pass of {args.segmentor}'] = summary(found['segmentor'],
                                                                        cell['batch_size'])


def table(measured: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Rows of text, header first: a row for each size, batch size and number of threads."""
    rows = [['size', 'batch', 'threads', 'published ms', 'plain ms', 'ours ms', 'spread',
             'images/s', 'published / ours', 'ours / plain', 'GPU peak MiB: plain', 'ours']]
    for cell in measured:
        plain, published, ours = (cell['ms_per_image'][name] for name in (PLAIN, PUBLISHED, OURS))
        rows.append([
            f'{cell["width"]}x{cell["height"]}', str(cell['batch_size']), str(cell['threads']),
            f'{published["median"]:.2f}', f'{plain["median"]:.2f}', f'{ours["median"]:.2f}',
            f'{ours["fastest"]:.2f} to {ours["slowest"]:.2f}', f'{1000 / ours["median"]:.0f}',
            f'{published["median"] / ours["median"]:.1f}',
            f'{ours["median"] / plain["median"]:.2f}',
            *('' if cell['peak_mib'][name] is None else f'{cell["peak_mib"][name]:.0f}'
              for name in (PLAIN, OURS))])
    return rows


def table_of_parts(cell: Mapping[str, Any]) -> list[list[str]]:
    """Rows of text, header first, for one size."""
    rows = [[f'{cell["width"]}x{cell["height"]}, batch {cell["batch_size"]}', 'median ms',
             'fastest', 'slowest']]
    for name, times in cell['ms_per_image'].items():
        rows.append([name, *(f'{value:.2f}' for value in times.values())])
    return rows


def plot(measured: Sequence[Mapping[str, Any]], title: str, path: Path) -> None:
    """Milliseconds an image against its pixels, both on logarithmic axes."""
    figure = new_figure(8, 5)
    axes = figure.subplots()
    batch_size, threads = measured[-1]['batch_size'], measured[-1]['threads']
    cells = sorted((cell for cell in measured
                    if (cell['batch_size'], cell['threads']) == (batch_size, threads)),
                   key=lambda cell: cell['width'] * cell['height'])
    pixels = [cell['width'] * cell['height'] / 1e6 for cell in cells]
    for name, colour in ((PUBLISHED, '#c0392b'), (PLAIN, '#9db4c8'), (OURS, '#2a7f4f')):
        axes.plot(pixels, [cell['ms_per_image'][name]['median'] for cell in cells], 'o-',
                  color=colour, label=name)
    axes.set(xscale='log', yscale='log', xlabel='megapixels', ylabel='ms an image')
    axes.set_title(title, fontsize=8)
    axes.grid(which='both', alpha=0.3)
    axes.legend(frameon=False)
    save_figure(figure, path)
