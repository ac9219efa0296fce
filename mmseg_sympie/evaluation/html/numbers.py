"""The numbers of a report as HTML: cards, a bar chart, a table, and how they came about."""
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from ..compare import interval_text
from ..differences import is_clear
from ..report import class_titles, percent
from ..scores import POOLED
from .pictures import swatch

Reports = Mapping[str, Mapping[str, Any]]

FULL_TINT_POINTS = 10  # A change of so many points gets the strongest colour.


class Column(NamedTuple):
    """One column of the table: a value for each class, and below them the means."""

    title: str
    values: Mapping[str, float | None]
    means: Sequence[float | None] = (None, None)  # over all classes, and over those that occur
    is_change: bool = False
    starts_group: bool = False


def summary_cards(reports: Reports, comparisons: Reports) -> str:
    """The mIoU of all images and of each condition, and how it changed.

    Args:
        reports: name -> report; the first is the baseline.
        comparisons: name -> comparison of a report with the first, for each of the others.
    """
    report = next(iter(reports.values()))
    cards = []
    for condition, summary in report['scores'].items():
        results = {name: each['conditions'][condition] for name, each in comparisons.items()}
        body = (f'<p><b>{percent(summary["miou"])}</b> mIoU</p>'
                f'<p class="note">{summary["images"]} images</p>')
        if len(results) == 1:
            result, = results.values()
            body = (f'<p>{_change(result)} <span>mIoU {percent(result["miou"]["without"])} &rarr; '
                    f'{percent(result["miou"]["with"])}</span></p>'
                    f'<p class="note">{interval_text(result)}</p>')
        elif results:
            rows = [(next(iter(reports)), summary['miou'], ''),
                    *((name, result['miou']['with'], _change(result))
                      for name, result in results.items())]
            body = '<dl class="runs">' + ''.join(
                f'<dt>{escape(name)}</dt><dd>{percent(miou)} {change}</dd>'
                for name, miou, change in rows) + (
                    f'</dl><p class="note">{summary["images"]} images'
                    f'{"; grey changes could be chance" if condition == POOLED else ""}</p>')
        name = 'all images' if condition == POOLED else condition
        cards.append(f'<div class="card"><h3>{escape(name)}</h3>{body}</div>')
    return '\n'.join(cards)


def _change(result: Mapping[str, Any]) -> str:
    change = result['miou']['difference']
    return (f'<b class="{_tone(change) if is_clear(result) else ""}">'
            f'{percent(change, sign=True)}</b>')


def score_chart(report: Mapping[str, Any], comparisons: Reports) -> str:
    """A bar for each class, the highest first; of several comparisons, one for each mIoU."""
    values = report['scores'][POOLED]['class_iou']
    if len(comparisons) == 1:
        comparison, = comparisons.values()
        values = {name: change['difference'] for name, change
                  in comparison['conditions'][POOLED]['class_iou'].items()}
    elif comparisons:
        values = {name: each['conditions'][POOLED]['miou']['difference']
                  for name, each in comparisons.items()}
    known = [(value, name) for name, value in values.items() if value is not None]
    low = min([0, *(value for value, _ in known)])
    span = max([0, *(value for value, _ in known)]) - low or 1
    rows = []
    for value, name in sorted(known, reverse=True):
        tone = _tone(value) if comparisons else ''
        rows.append(
            f'<div class="bar"><span>{escape(name)}</span>'
            f'<svg viewBox="{low:.3f} 0 {span:.3f} 1" preserveAspectRatio="none" '
            f'aria-hidden="true"><rect class="{tone}" x="{min(value, 0):.3f}" '
            f'width="{abs(value):.3f}" height="1"/></svg>'
            f'<b class="{tone}">{percent(value, sign=bool(comparisons))}</b></div>')
    return '\n'.join(rows)


def class_table(reports: Reports, comparisons: Reports,
                palette: Sequence[Sequence[int] | None]) -> str:
    """Classes down, conditions across; each header sorts by its column."""
    report = next(iter(reports.values()))
    columns, groups = [], []
    for condition, summary in report['scores'].items():
        group = _columns(condition, reports, comparisons)
        if condition == POOLED:
            group.insert(0, _share_column(summary))
        columns += [group[0]._replace(starts_group=True), *group[1:]]
        groups.append(f'<th scope="colgroup" colspan="{len(group)}">{escape(condition)}</th>')

    def row(title: str, values: Iterable[float | None]) -> str:
        return f'<tr><th scope="row">{title}</th>{"".join(map(_cell, columns, values))}</tr>'

    headers = ''.join(f'<th scope="col" class="{_group(column)}">{_button(column.title)}</th>'
                      for column in columns)
    titles = class_titles(report)
    body = '\n'.join(row((swatch(colour) if colour else '') + escape(titles[name]),
                         (each.values[name] for each in columns))
                     for name, colour in zip(report['classes'], palette))
    foot = '\n'.join(row(title, (each.means[place] for each in columns))
                     for place, title in enumerate(('mean', 'mean of occurring classes')))
    return ('<table><thead>'
            f'<tr><td></td>{"".join(groups)}</tr>'
            f'<tr><th scope="col">{_button("class")}</th>{headers}</tr>'
            f'</thead>\n<tbody>{body}</tbody>\n<tfoot>{foot}</tfoot></table>')


def run_details(reports: Reports) -> str:
    """What made each report: title -> its details."""
    return '\n'.join(
        f'<h3>{escape(title)}</h3><dl>' + ''.join(
            f'<dt>{escape(str(key))}</dt><dd>{escape(_text(value))}</dd>'
            for key, value in report['details'].items()) + '</dl>'
        for title, report in reports.items())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=1, default=str)


def _share_column(summary: Mapping[str, Any]) -> Column:
    return Column('pixels %', {name: 100 * count / max(summary['pixels'], 1)
                               for name, count in summary['class_pixels'].items()})


def _columns(condition: str, reports: Reports, comparisons: Reports) -> list[Column]:
    """Of one run IoU and accuracy, of two both IoUs and the change, of more the IoU of each."""
    summaries = {name: report['scores'][condition] for name, report in reports.items()}
    if len(comparisons) == 1:
        comparison, = comparisons.values()
        return _change_columns(comparison['conditions'][condition])
    if comparisons:
        return [Column(name, each['class_iou'], (each['miou'], each['miou_occurring']))
                for name, each in summaries.items()]
    summary, = summaries.values()
    return [Column('IoU', summary['class_iou'], (summary['miou'], summary['miou_occurring'])),
            Column('accuracy', summary['class_accuracy'], (summary['mean_accuracy'], None))]


def _change_columns(result: Mapping[str, Any]) -> list[Column]:
    return [Column(title, {name: change[key] for name, change in result['class_iou'].items()},
                   (result['miou'][key], result['miou_occurring'][key]), key == 'difference')
            for title, key in (('without', 'without'), ('with', 'with'), ('change', 'difference'))]


def _button(title: str) -> str:
    return f'<button type="button">{escape(title)}</button>'


def _cell(column: Column, value: float | None) -> str:
    tone = _tone(value) if column.is_change else ''
    share = min(abs(value or 0) / FULL_TINT_POINTS, 1)
    tint = f' style="--tint: {share:.2f}"' if tone else ''
    number = '' if value is None else f' data-value="{value:.6f}"'
    return (f'<td class="{_group(column)} {tone}"{tint}{number}>'
            f'{percent(value, sign=column.is_change)}</td>')


def _group(column: Column) -> str:
    return 'group' if column.starts_group else ''


def _tone(change: float | None) -> str:
    return '' if not change else 'gain' if change > 0 else 'loss'
