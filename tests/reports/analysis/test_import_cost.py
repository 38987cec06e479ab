"""Importing the analysis is cheap: the command line does it to answer --help."""

import subprocess
import sys
from pathlib import Path

import sensorbench.analysis


def test_importing_every_analysis_module_pulls_no_scipy_stats() -> None:
    (folder,) = sensorbench.analysis.__path__
    modules = sorted(file.stem for file in Path(folder).glob("*.py") if file.stem != "__init__")
    imports = ", ".join(f"sensorbench.analysis.{module}" for module in modules)
    code = f"import sys, {imports}; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
