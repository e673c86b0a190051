"""11. From electronic structure to populations: methaniminium, CH2NH2+, falls from S2 to S0 within 100 fs.

    python examples/11_methaniminium.py     writes examples/output/methaniminium/report.html and pictures

Minimum and Hessian of the ground state, Wigner draws, trajectories that hop, analysis, one page: electronic structure
on the fly, AM1 with four electrons in pi, pi* and sigma of the CN bond. `fusionmd namd study ch2nh2` does the same.
Stopped, it goes on when called again.
"""

import argparse
from pathlib import Path

from fusionmd.workflows.namd_study import begin, choice_of, draw, hop
from fusionmd.workflows.namd_study_report import report, summary_rows


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--trajectories", type=int, default=16)
    arguments.add_argument("--time", type=float, default=250.0, help="fs")
    arguments.add_argument("--workers", type=int, default=2)
    arguments.add_argument("--out", type=Path, default=Path("examples/output"))
    arguments.add_argument("--smoke", action="store_true", help="2 trajectories of 3 fs")
    given = arguments.parse_args()
    n, time_fs, workers = (2, 3.0, 1) if given.smoke else (given.trajectories, given.time, given.workers)
    folder = given.out / ("methaniminium-smoke" if given.smoke else "methaniminium")

    choice = choice_of(start="s2", n_trajectories=n, time_fs=time_fs, seed=1)
    plan = begin("ch2nh2", choice, folder)
    draw(plan, n_jobs=workers)
    print(f"{n} starts on state 2 from the Wigner function of {plan.surfaces}: {folder / 'starts.xyz'}")
    hop(plan, workers=workers)
    found = report(plan)

    for quantity, value in summary_rows(found.result):
        print(f"{quantity}: {value}")
    times, shares = (found.result["populations"][key] for key in ("time_fs", "mean"))
    for k in range(0, len(times), max(1, (len(times) - 1) // 6)):
        states = ", ".join(f"S{state} {share:.2f}" for state, share in enumerate(shares[k]))
        print(f"{times[k]:6.1f} fs: {states}")
    for note in plan.study.notes:
        print(note)
    print(f"report: {folder / 'report.html'}")


if __name__ == "__main__":
    main()
