"""1. Diagrams: which irreps fuse with which, counted, pruned and costed. Needs no training and no torch.

python examples/01_diagrams.py
"""

import argparse

from fusionmd import Diagram, Irreps
from fusionmd.fusion.character import multiplicity
from fusionmd.fusion.enumerate import enumerate_labellings
from fusionmd.fusion.plan import plan_of
from fusionmd.fusion.pruning import prune
from fusionmd.o3 import Irrep


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--smoke", action="store_true", help="accepted by every example; this one is instant")
    arguments.parse_args()

    # A diagram is a tree of vertices, written as text. `@3+` keeps l <= 3 with natural parity on the line that leaves.
    triple = Diagram.parse("((A, A), A)")
    print(f"{triple} has {triple.n_vertices} vertices and the leaves {triple.leaf_names}")

    # What a leaf can carry. A labelling gives an irrep to every line of the tree.
    vector = Irrep(1, -1)
    labellings = enumerate_labellings(triple, {"A": [vector]}, [vector])
    print(f"three vectors make a vector in {len(labellings)} ways: {', '.join(map(str, labellings))}")

    # Characters count the same without any tree: a law that the tests check.
    print(f"the character formula says {multiplicity([[vector]] * 3, vector)}")

    # The three leaves are one tensor, so most of these ways say the same.
    print(f"independent, because the leaves are identical: {prune(triple, labellings)}")

    # A plan says in which order to evaluate, what is shared, and what it costs.
    leaves = {"A": [irrep for _, irrep in Irreps("0e + 1o + 2e + 3o")]}
    print("\nthe products of the default model, evaluated together:")
    print(plan_of(["A", "(A, A)@3+", "((A, A)@3+, A)"], leaves, target=[Irrep(0, 1), vector]))


if __name__ == "__main__":
    main()
