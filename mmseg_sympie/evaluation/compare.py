"""Two reports of the same images side by side: what an enhancer gained and what it cost."""
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..io.files import write_json
from .differences import compare_reports, is_clear
from .plots import plot_class_gains
from .report import (
    class_titles,
    percent,
    read_report,
    terminal,
    write_comparison_markdown,
    write_csv,
    write_each,
)
from .scores import MEANS, POOLED


def show_comparison(without: str | Path, with_: str | Path, title: str,
                    out_dir: str | Path | None = None) -> None:
    """Compare the reports in two folders, in at most 25 lines; the tables go to `out_dir`.

    Without an `out_dir` the table by class is printed too.
    """
    comparison = compare_reports(read_report(without), read_report(with_))
    if out_dir is not None:  # before anything is shown, which may fail
        write_comparison(out_dir, comparison)
    if out_dir is None:
        print(terminal(comparison_rows(comparison), title, summary_rows=len(MEANS)))
    *conditions, classes = verdict(comparison).splitlines()
    print('\n'.join([*([title] if title else []), *shortened(conditions), classes]))
    if out_dir is not None:
        print(f'By class and condition: {out_dir}/compare.md (and .json, .csv, .png)')


def shortened(lines: Sequence[str], most: int = 15) -> Sequence[str]:
    """The first lines, and how many more there are."""
    rest = len(lines) - most
    return lines if rest <= 0 else [*lines[:most], f'... and {rest} more']


def write_comparison(folder: str | Path, comparison: Mapping[str, Any]) -> None:
    """Write compare.json, .csv, .md and .png, each whole or not at all."""
    folder = Path(folder)
    write_json(folder / 'compare.json', comparison)
    write_each({
        folder / 'compare.csv': lambda path: write_csv(path, _csv_rows(comparison)),
        folder / 'compare.md': lambda path: write_comparison_markdown(
            path, comparison_rows(comparison), verdict(comparison), comparison['details']),
        folder / 'compare.png': lambda path: _plot(comparison, path)})


def _csv_rows(comparison: Mapping[str, Any]) -> Iterator[list[Any]]:
    yield ['condition', 'class', 'without', 'with', 'difference', 'relative_percent']
    for condition, result in comparison['conditions'].items():
        for name, change in result['class_iou'].items():
            yield [condition, name, *change.values()]


def _plot(comparison: Mapping[str, Any], path: Path) -> None:
    pooled = comparison['conditions'][POOLED]
    plot_class_gains(comparison['classes'],
                     [change['difference'] for change in pooled['class_iou'].values()],
                     f"mIoU {percent(pooled['miou']['without'])} -> "
                     f"{percent(pooled['miou']['with'])}", path)


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
    for title, key in MEANS.items():
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
