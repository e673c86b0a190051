"""The table of `fusionmd namd validate` as a result file: hopping trajectories against formulas and exact packets.

    python -m benchmarks.namd_validate          writes benchmarks/results/namd_validate.json

A run that fails a check writes its file too, and exits 1.
"""

import sys
import time
from dataclasses import asdict

from benchmarks.results_file import write_results
from fusionmd.namd.validation import cases
from fusionmd.namd.validation_table import SEED, Check

COLUMNS = ["case", "method", "quantity", "trajectories", "exact", "allowed", "result"]


def main() -> None:
    checks: list[Check] = []
    start_wall, start_cpu = time.perf_counter(), time.process_time()
    for case in cases(is_quick=False):
        checks += case().checks
        print(checks[-1].case, flush=True)
    spent = {"wall_s": time.perf_counter() - start_wall, "cpu_s": time.process_time() - start_cpu}
    passed = all(check.passed for check in checks)
    content = {
        "settings": {"seed": SEED, **spent},
        "results": [asdict(check) | {"passed": None if check.allowed is None else check.passed} for check in checks],
        "passed": passed,
        "table": {
            "title": "Surface hopping against formulas and exact wave packets",
            "columns": COLUMNS,
            "rows": [row(check) for check in checks],
            "note": f"`fusionmd namd validate`, seed fixed beforehand, {spent['cpu_s']:.0f} s of one core. Beside the "
            "values one standard error; rows without a result are known to differ and judge nothing.",
        },
    }
    print(write_results("namd_validate", content))
    sys.exit(0 if passed else 1)


def row(check: Check) -> list[str]:
    judged = ["", ""] if check.allowed is None else [f"{check.allowed:.3f}", "pass" if check.passed else "FAIL"]
    value = f"{check.value:.4f} ± {check.standard_error:.4f}"
    quantity = check.quantity.replace("|active - amplitudes|", "active - amplitudes")
    return [check.case, check.method, quantity.replace("|active - exact|", "active - exact"), value,
            f"{check.expected:.4f}", *judged]  # fmt: skip


if __name__ == "__main__":
    main()
