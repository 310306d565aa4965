"""The NAB series scored by anomaly_scan must reach 50 on the standard profile.

usage: nab_score_check.py DATA, a folder with nab/data and nab/nab_score.py; exits 77 without it.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

REQUIRED = 50.0


def main():
    nab = pathlib.Path(sys.argv[1], "nab")
    if not (nab / "nab_score.py").exists():
        print(f"skipped: no {nab}")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as out:
        here = pathlib.Path(__file__).parent
        subprocess.run([sys.executable, here / "nab", "--data", nab, "--out", out], check=True)
        report = subprocess.run([sys.executable, nab / "nab_score.py", out], check=True,
                                capture_output=True, text=True).stdout
    print(report)
    standard = float(re.search(r"^standard\s+([\d.]+)", report, re.M).group(1))
    sys.exit(0 if standard >= REQUIRED else f"standard {standard} is below {REQUIRED}")


main()
