"""The documentation keeps up: every figure of the analysis has its entry, every link its target."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ANALYSIS = ROOT / "reports" / "sensorbench" / "analysis"
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def public_functions() -> list[tuple[str, str]]:
    return [
        (path.stem, node.name)
        for path in sorted(ANALYSIS.rglob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


def test_every_function_of_the_analysis_has_an_entry() -> None:
    text = "\n".join(
        p.read_text(encoding="utf-8") for p in (ROOT / "docs" / "analysis").glob("*.md")
    )
    helpers = {
        "inputs",
        "ours",
        "location_scale",
        "estimates",
        "noncentral",
        "allan_covariance",
    }  # shared by the others
    missing = [
        f"{module}.{name}"
        for module, name in public_functions()
        if module not in helpers and f"{name}`" not in text and f"{name}(" not in text
    ]
    assert missing == []


def test_the_index_names_every_page_of_the_analysis() -> None:
    index = (ROOT / "docs" / "analysis.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs" / "analysis").glob("*.md"):
        assert f"analysis/{page.name}" in index


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target
