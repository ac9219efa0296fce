"""Two reports of the same images side by side: what an enhancer gained and what it cost."""
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..io.files import write_json, write_text, written_whole
from .confusion import Areas, areas, mean_iou
from .report import class_titles, markdown, percent, read_report, terminal, write_csv, write_each
from .scores import POOLED, ImageScore

RESAMPLES = 2000
FEWEST_IMAGES = 5  # Of fewer, resampling says nothing about others.


def show_comparison(without: str | Path, with_: str | Path, title: str,
                    out_dir: str | Path | None = None) -> None:
    """Compare the reports in two folders: a table on the terminal, files in `out_dir` if given."""
    comparison = compare_reports(read_report(without), read_report(with_))
    if out_dir is not None:  # before anything is shown, which may fail
        write_comparison(out_dir, comparison)
    print(terminal(comparison_rows(comparison), title, summary_rows=2))
    print(verdict(comparison))
    if out_dir is not None:
        print(f'Comparison: {out_dir}')


def compare_reports(without: Mapping[str, Any], with_: Mapping[str, Any]) -> dict[str, Any]:
    """Differences of two reports from `read_report`, in points and relative, per class.

    Raises:
        InputError: the reports differ in classes, images, or in the labels that are not counted.
    """
    if without['ignored_labels'] != with_['ignored_labels']:
        raise InputError('The reports ignore different labels: '
                         f"{without['ignored_labels']} and {with_['ignored_labels']}. Test both "
                         'with one ignore_index.')
    if without['classes'] != with_['classes']:
        raise InputError(f"The reports have different classes: {without['classes']} and "
                         f"{with_['classes']}. Compare runs on one data set.")
    images = paired(without['images'], with_['images'])
    conditions = {}
    for condition in without['scores']:
        old, new = without['scores'][condition], with_['scores'][condition]
        conditions[condition] = dict(
            miou=_difference(old['miou'], new['miou']),
            miou_occurring=_difference(old['miou_occurring'], new['miou_occurring']),
            **miou_interval(*images, condition),
            class_iou={name: _difference(old['class_iou'][name], new['class_iou'][name])
                       for name in without['classes']})
    return dict(classes=without['classes'], ignored_labels=without['ignored_labels'],
                conditions=conditions,
                details=dict(without=without['details'], **{'with': with_['details']}))


def miou_interval(before: Sequence[ImageScore], after: Sequence[ImageScore],
                  condition: str) -> dict[str, Any]:
    """What a condition's images say of the mIoU difference: its interval, and how many they are.

    Args:
        before, after: from `paired`.
    """
    confusions = [[image.confusion for image in images if condition in (POOLED, image.condition)]
                  for images in (before, after)]
    return dict(miou_interval_95=bootstrap_interval(*confusions), images=len(confusions[0]),
                labelled_images=sum(bool(confusion.any()) for confusion in confusions[0]))


def bootstrap_interval(before: Sequence[np.ndarray], after: Sequence[np.ndarray],
                       resamples: int = RESAMPLES,
                       seed: int = 0) -> tuple[float, float] | None:
    """95% interval of the mIoU difference when the same images are drawn again with replacement.

    Args:
        before, after: confusion matrices (C, C) of the same images.

    Returns:
        Lower and upper bound of `after - before` in points (percentile bootstrap, paired); None
        with fewer than two images that have a labelled pixel. Resamples without one are left out.
    """
    if sum(bool(confusion.any()) for confusion in before) < 2:
        return None
    draws = np.random.default_rng(seed).multinomial(
        len(before), np.full(len(before), 1 / len(before)), size=resamples).astype(float)
    means = [mean_iou(Areas(*(draws @ counts for counts in areas(np.stack(confusions)))))
             for confusions in (before, after)]
    differences = means[1] - means[0]
    low, high = np.percentile(differences[np.isfinite(differences)], [2.5, 97.5])
    return float(low), float(high)


def is_clear(result: Mapping[str, Any]) -> bool | None:
    """Whether a condition's interval leaves no doubt about the sign of the difference.

    None where the images are too few to say so.
    """
    interval = result['miou_interval_95']
    if interval is None or result['labelled_images'] < FEWEST_IMAGES:
        return None
    return bool(interval[0] > 0 or interval[1] < 0)


def interval_text(result: Mapping[str, Any]) -> str:
    """A condition's interval, from how many images it is, and what follows from it."""
    number, interval = result['labelled_images'], result['miou_interval_95']
    kind = 'image' if number == result['images'] else 'labelled image'
    images = f'{number} {kind}{"" if number == 1 else "s"}'
    if interval is None:
        return f'no interval from {images}'
    judgement = {True: 'clear', False: 'could be chance', None: 'too few to judge'}
    return (f'95% interval [{interval[0]:+.2f}, {interval[1]:+.2f}] over {images} '
            f'({judgement[is_clear(result)]})')


def write_comparison(folder: str | Path, comparison: Mapping[str, Any]) -> None:
    """Write compare.json, .csv, .md and .png, each whole or not at all."""
    folder = Path(folder)
    write_json(folder / 'compare.json', comparison)
    write_each({
        folder / 'compare.csv': lambda path: write_csv(path, _csv_rows(comparison)),
        folder / 'compare.md': lambda path: write_text(
            path, f'{markdown(comparison_rows(comparison))}\n\n{verdict(comparison)}\n'),
        folder / 'compare.png': lambda path: _plot(comparison, path)})


def _csv_rows(comparison: Mapping[str, Any]) -> Iterator[list[Any]]:
    yield ['condition', 'class', 'without', 'with', 'difference', 'relative_percent']
    for condition, result in comparison['conditions'].items():
        for name, change in result['class_iou'].items():
            yield [condition, name, *change.values()]


def _plot(comparison: Mapping[str, Any], path: Path) -> None:
    from .plots import plot_class_gains  # Matplotlib takes a second to import.
    pooled = comparison['conditions'][POOLED]
    with written_whole(path) as partial:
        plot_class_gains(comparison['classes'],
                         [change['difference'] for change in pooled['class_iou'].values()],
                         f"mIoU {percent(pooled['miou']['without'])} -> "
                         f"{percent(pooled['miou']['with'])}", partial)


def comparison_rows(comparison: Mapping[str, Any]) -> list[list[str]]:
    """The table of a comparison, header first, as in Table 6 of the SyMPIE paper."""
    conditions = comparison['conditions']
    pooled, others = conditions[POOLED], [name for name in conditions if name != POOLED]
    titles = class_titles(comparison)
    rows = [['class', 'without', 'with', 'change', 'change %',
             *(f'change {name}' for name in others)]]

    def row(title: str, change, extra) -> list[str]:
        return [title, percent(change['without']), percent(change['with']),
                percent(change['difference'], sign=True),
                percent(change['relative_percent'], sign=True),
                *(percent(value, sign=True) for value in extra)]

    for name in comparison['classes']:
        rows.append(row(titles[name], pooled['class_iou'][name],
                        [conditions[other]['class_iou'][name]['difference'] for other in others]))
    for title, key in (('mIoU', 'miou'), ('mIoU of occurring classes', 'miou_occurring')):
        rows.append(row(title, pooled[key],
                        [conditions[other][key]['difference'] for other in others]))
    return rows


def verdict(comparison: Mapping[str, Any]) -> str:
    """The comparison in sentences: the mIoU with its interval, and how many classes lost."""
    lines = []
    for condition, result in comparison['conditions'].items():
        change = result['miou']
        lines.append(
            f"{condition}: mIoU {percent(change['without'])} -> {percent(change['with'])}, change "
            f"{percent(change['difference'], sign=True)} points, {interval_text(result)}.")
    changes = [(change['difference'], name) for name, change
               in comparison['conditions'][POOLED]['class_iou'].items()
               if change['difference'] is not None]
    gains = [name for difference, name in changes if difference > 0]
    losses = [f'{name} {difference:+.2f}' for difference, name in sorted(changes) if difference < 0]
    lines.append(f'{len(gains)} classes gain; {len(losses)} lose'
                 + (f": {', '.join(losses)}." if losses else '.'))
    return '\n'.join(lines)


def paired(before: Sequence[ImageScore],
           after: Sequence[ImageScore]) -> tuple[list[ImageScore], list[ImageScore]]:
    """The images of both runs in one order; the data may have moved to another folder between.

    Raises:
        InputError: they are not the same images.
    """
    before, after = (sorted(images, key=lambda image: image.name) for images in (before, after))
    if len(before) != len(after):
        raise InputError(f'The reports are of {len(before)} and of {len(after)} images. Test both '
                         'on the same files.')
    for old, new in zip(before, after):
        same = Path(old.name).name == Path(new.name).name and old.condition == new.condition
        if not same or (old.confusion.sum(1) != new.confusion.sum(1)).any():
            raise InputError(f'The reports are not of the same images: {old.name} '
                             f'({old.condition}) and {new.name} ({new.condition}) differ in name, '
                             'condition or label. Test both on the same files.')
    return before, after


def _difference(old: float | None, new: float | None) -> dict[str, float | None]:
    both = old is not None and new is not None
    return {'without': old, 'with': new, 'difference': new - old if both else None,
            'relative_percent': 100 * (new - old) / old if both and old else None}
