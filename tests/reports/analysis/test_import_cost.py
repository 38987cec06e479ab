"""Importing the analysis is cheap: the command line does it to answer --help."""

import pkgutil
import subprocess
import sys

import sensorbench.analysis


def test_importing_every_analysis_module_pulls_no_scipy_stats() -> None:
    found = pkgutil.walk_packages(sensorbench.analysis.__path__, "sensorbench.analysis.")
    imports = ", ".join(sorted(module.name for module in found))
    code = f"import sys, {imports}; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
