"""A study of water of springs, for tests."""

WATER = {
    "title": "Water of springs",
    "starts": {"bent": {"state": 1, "structure": "O 0 0 0\nH 0.97 0 0\nH -0.3 0.95 0\n"}},
    "time_fs": 20.0,
    "settle_gap_eV": 0.0,
    "outcomes": {
        "settle_fs": 4.0,
        "coordinates": {"angle": {"angle": [1, 0, 2]}, "alternation": {"alternation": [[0, 1], [0, 2]]}},
        "classes": {"near": [{"least_distance": [[0, 1], [0, 2]], "between": [0.0, 0.98]}]},
    },
    "literature": [{"start": "bent", "source": "nobody", "yields": {"near": 0.4}}],
    "notes": ["Springs & nothing else."],
}


def words(folder, out, *more, n=6):
    given = ["--surfaces", str(folder / "two.pt"), "-n", str(n), "-o", str(out), "--json", str(out) + ".json"]
    return ["namd", "study", str(folder / "water.yaml"), *given, *more]
