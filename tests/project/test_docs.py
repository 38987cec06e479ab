"""The documentation keeps up: every figure of the analysis has its entry, every link its target."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ANALYSIS = ROOT / "reports" / "sensorbench" / "analysis"
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
SOURCES = [
    path
    for floor in ("bench", "drivers", "profiles", "reports")
    for path in (ROOT / floor).rglob("*")
    if path.suffix in {".py", ".toml", ".in"}
]
OF_OTHERS = {"hid_mcp2221"}  # a module of Linux
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


def test_no_page_of_a_device_is_still_the_one_to_start_from() -> None:
    pages = (ROOT / "docs" / "devices").glob("*.md")
    assert [p.name for p in pages if "`sensorbench new` made up" in p.read_text("utf-8")] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_what_a_guide_names_in_code_is_in_the_sources(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    blocks = re.findall(r"```.*?```", text, flags=re.DOTALL)
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    named = set(re.findall(r"`@?([A-Za-z_][A-Za-z0-9_]*)(?:\([^`]*\))?`", prose))
    words = {word for path in SOURCES for word in re.findall(r"\w+", path.read_text("utf-8"))}
    words |= {word for block in blocks for word in re.findall(r"\w+", block)}  # the guide's own
    assert named - words - OF_OTHERS == set()
