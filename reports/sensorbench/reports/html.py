"""A report as one self-contained HTML file."""

from __future__ import annotations

from pathlib import Path

from sensorbench.reports.model import Report

_TEMPLATE = Path(__file__).parent / "templates" / "report.html"


def render_html(report: Report) -> bytes:
    """Return the report as HTML; every text is escaped, plots are inline SVG."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - slow to import

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(report=report).encode()
