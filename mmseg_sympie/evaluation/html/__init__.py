"""A report as one self-contained page, to look at in any browser without a network."""
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from ...io.files import write_text
from ..compare import compare_reports, verdict
from ..panels import Panel
from .numbers import class_chart, class_table, run_details, summary_cards
from .pictures import legend, panel_section


def write_page(path: str | Path, title: str, subtitle: str, report: Mapping[str, Any],
               panels: Sequence[tuple[str, Panel]], palette: Sequence[Sequence[int]],
               without: Mapping[str, Any] | None = None) -> None:
    """Write a report, or what it gained over another, with pictures, as one HTML file.

    Args:
        report, without: from `read_report`; the second is the baseline to compare with.
        panels: a kind ('best', ...) and what to show of it, each.
        palette: RGB on 0..255 for each class.

    Raises:
        InputError: the reports differ in classes or images.
    """
    comparison = without and compare_reports(without, report)
    classes = report['classes']
    page = Template(_part('page.html')).substitute(
        title=escape(title), heading=escape(title).replace('_', '_<wbr>'),
        subtitle=escape(subtitle), style=_part('style.css'), script=_part('script.js'),
        cards=summary_cards(report, comparison),
        chart_title=('Change of the IoU by class, in points' if comparison
                     else 'IoU by class, in percent'),
        verdict=escape(verdict(comparison).splitlines()[-1]) if comparison else '',
        chart=class_chart(report, comparison), table=class_table(report, comparison, palette),
        choice=escape('Chosen by the change of each image: the largest gain, the median and the '
                      'largest loss.' if comparison else
                      'Chosen by the mIoU of each image: the highest, the median and the lowest.'),
        legend=legend([panel for _, panel in panels], classes, palette),
        panels='\n'.join(panel_section(kind, panel, len(classes), palette, bool(comparison))
                         for kind, panel in panels),
        details=run_details({'without enhancer': without, 'with enhancer': report} if comparison
                            else {'run': report}))
    write_text(path, page)


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding='utf-8')
