"""Two reports of the same images side by side: what an enhancer gained and what it cost."""
import csv
import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from ..errors import InputError
from ..files import written_whole
from .confusion import Areas, areas, mean_iou
from .report import POOLED, ImageScore, markdown, percent, read_report, terminal

RESAMPLES = 2000


def show_comparison(without: Union[str, Path], with_: Union[str, Path], title: str,
                    out_dir: Optional[Union[str, Path]] = None) -> None:
    """Compare the reports in two folders: a table on the terminal, files in `out_dir` if given."""
    comparison = compare_reports(read_report(without), read_report(with_))
    print(terminal(comparison_rows(comparison), title, summary_rows=2))
    print(verdict(comparison))
    if out_dir is not None:
        write_comparison(out_dir, comparison)
        print(f'Comparison: {out_dir}')


def compare_reports(without: Mapping[str, Any], with_: Mapping[str, Any]) -> Dict[str, Any]:
    """Differences of two reports from `read_report`, in points and relative, per class.

    Raises:
        InputError: the reports differ in classes or images.
    """
    if without['classes'] != with_['classes']:
        raise InputError(f"The reports have different classes: {without['classes']} and "
                         f"{with_['classes']}. Compare runs on one data set.")
    before, after = paired(without['images'], with_['images'])
    conditions = {}
    for condition in without['scores']:
        chosen = [index for index, image in enumerate(before)
                  if condition in (POOLED, image.condition)]
        old, new = without['scores'][condition], with_['scores'][condition]
        conditions[condition] = dict(
            miou=_difference(old['miou'], new['miou']),
            miou_occurring=_difference(old['miou_occurring'], new['miou_occurring']),
            miou_interval_95=bootstrap_interval([before[index].confusion for index in chosen],
                                                [after[index].confusion for index in chosen]),
            images=len(chosen),
            class_iou={name: _difference(old['class_iou'][name], new['class_iou'][name])
                       for name in without['classes']})
    return dict(classes=without['classes'], conditions=conditions,
                details=dict(without=without['details'], **{'with': with_['details']}))


def bootstrap_interval(before: Sequence[np.ndarray], after: Sequence[np.ndarray],
                       resamples: int = RESAMPLES, seed: int = 0) -> Tuple[float, float]:
    """95% interval of the mIoU difference when the same images are drawn again with replacement.

    Args:
        before, after: confusion matrices (C, C) of the same images.

    Returns:
        Lower and upper bound of `after - before` in points (percentile bootstrap, paired).
    """
    draws = np.random.default_rng(seed).multinomial(
        len(before), np.full(len(before), 1 / len(before)), size=resamples).astype(float)
    means = [mean_iou(Areas(*(draws @ counts for counts in areas(np.stack(confusions)))))
             for confusions in (before, after)]
    low, high = np.percentile(means[1] - means[0], [2.5, 97.5])
    return float(low), float(high)


def is_clear(low: float, high: float) -> bool:
    """Whether an interval leaves no doubt about the sign of a difference."""
    return low > 0 or high < 0


def write_comparison(folder: Union[str, Path], comparison: Mapping[str, Any]) -> None:
    """Write compare.json, .csv, .md and .png, each whole or not at all."""
    from .plots import plot_class_gains  # Matplotlib takes a second to import.
    folder = Path(folder)
    with written_whole(folder / 'compare.json') as path:
        path.write_text(json.dumps(comparison, indent=1))
    with written_whole(folder / 'compare.csv') as path, path.open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['condition', 'class', 'without', 'with', 'difference', 'relative_percent'])
        for condition, result in comparison['conditions'].items():
            for name, change in result['class_iou'].items():
                writer.writerow([condition, name, *change.values()])
    with written_whole(folder / 'compare.md') as path:
        path.write_text(f'{markdown(comparison_rows(comparison))}\n\n{verdict(comparison)}\n')
    pooled = comparison['conditions'][POOLED]
    with written_whole(folder / 'compare.png') as path:
        plot_class_gains(comparison['classes'],
                         [change['difference'] for change in pooled['class_iou'].values()],
                         f"mIoU {pooled['miou']['without']:.2f} -> {pooled['miou']['with']:.2f}",
                         path)


def comparison_rows(comparison: Mapping[str, Any]) -> List[List[str]]:
    """The table of a comparison, header first, as in Table 6 of the SyMPIE paper."""
    conditions = comparison['conditions']
    pooled, others = conditions[POOLED], [name for name in conditions if name != POOLED]
    rows = [['class', 'without', 'with', 'change', 'change %',
             *(f'change {name}' for name in others)]]

    def row(title: str, change, extra) -> List[str]:
        return [title, percent(change['without']), percent(change['with']),
                percent(change['difference'], sign=True),
                percent(change['relative_percent'], sign=True),
                *(percent(value, sign=True) for value in extra)]

    for name in comparison['classes']:
        rows.append(row(name, pooled['class_iou'][name],
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
        low, high = result['miou_interval_95']
        clear = 'clear' if is_clear(low, high) else 'could be chance'
        lines.append(
            f"{condition}: mIoU {percent(change['without'])} -> {percent(change['with'])}, change "
            f"{percent(change['difference'], sign=True)} points, 95% interval [{low:+.2f}, "
            f"{high:+.2f}] over {result['images']} images ({clear}).")
    changes = [(change['difference'], name) for name, change
               in comparison['conditions'][POOLED]['class_iou'].items()
               if change['difference'] is not None]
    gains = [name for difference, name in changes if difference > 0]
    losses = [f'{name} {difference:+.2f}' for difference, name in sorted(changes) if difference < 0]
    lines.append(f'{len(gains)} classes gain; {len(losses)} lose'
                 + (f": {', '.join(losses)}." if losses else '.'))
    return '\n'.join(lines)


def paired(before: Sequence[ImageScore],
           after: Sequence[ImageScore]) -> Tuple[List[ImageScore], List[ImageScore]]:
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


def _difference(old: Optional[float], new: Optional[float]) -> Dict[str, Optional[float]]:
    both = old is not None and new is not None
    return {'without': old, 'with': new, 'difference': new - old if both else None,
            'relative_percent': 100 * (new - old) / old if both and old else None}
