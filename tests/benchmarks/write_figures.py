"""Write docs/benchmarks.md from what pytest-benchmark measured.

pytest tests/benchmarks --benchmark-enable --benchmark-json=figures.json
python tests/benchmarks/write_figures.py figures.json

Rows of benchmarks that this run did not have stay as they are, with the day on which they were
measured.
"""

import json
import sys
from pathlib import Path

HEAD = """# Benchmarks

Measured by pytest-benchmark; ratios are against a peer or a floor in the same run. To measure again
(nothing else should run):

```sh
.venv/bin/pytest tests/benchmarks --benchmark-enable --benchmark-json=figures.json
.venv/bin/python tests/benchmarks/write_figures.py figures.json
```

"""


def duration(seconds: float) -> str:
    """Return a time with three digits and its unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def figure(value: object) -> str:
    """Return a whole number with separators, another one with three digits."""
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:.3g}"
        if isinstance(value, float)
        else str(value)
    )


def main(source: Path, target: Path) -> None:
    """Turn the JSON of a run into the page's rows; keep those of others."""
    data = json.loads(source.read_text())
    machine = data["machine_info"]
    cpu = machine.get("cpu", {}).get("brand_raw", machine.get("processor", "unknown"))
    rows = kept(target)
    for item in data["benchmarks"]:
        name = item["name"].removeprefix("test_").replace("_", " ")
        figures = "; ".join(f"{key}: {figure(value)}" for key, value in item["extra_info"].items())
        day, took = data["datetime"][:10], duration(item["stats"]["min"])
        rows[name] = f"| {name} | {took} | {figures} | {day} |\n"
    lines = [
        HEAD,
        f"Measured on {machine['cpu'].get('count', '?')} cores of {cpu}, "
        f"Python {machine['python_version']}, {machine['system']}.\n\n",
        "| benchmark | fastest round | figures | day |\n| --- | --- | --- | --- |\n",
        *(rows[name] for name in sorted(rows)),
    ]
    target.write_text("".join(lines), encoding="utf-8")


def kept(target: Path) -> dict[str, str]:
    """Return the rows that a page has, by benchmark."""
    rows = {}
    day = ""
    for line in target.read_text(encoding="utf-8").splitlines() if target.exists() else ():
        if line.startswith("Measured on 2"):  # one day for all rows, as pages once had
            day = line.split()[2].rstrip(",")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] not in ("benchmark", "---"):
            rows[cells[0]] = line + (f" {day} |" if len(cells) == 3 else "") + "\n"
    return rows


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parents[2] / "docs" / "benchmarks.md")
