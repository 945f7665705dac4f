"""What each row is to reach: the first pattern that matches counts. ratio: LibTorch's time over Ember's, at least;
ns: Ember's nanoseconds, at most; floor: Ember's time over the floor, at most."""
import re

AIMS = [
    (r"small/add$", {"ratio": 4, "ns": 150}),
    (r"small/add_recorded$", {"ratio": 4, "ns": 250}),
    (r"small/add_in_place$", {"ratio": 4, "ns": 100}),
    (r"small/add_out$", {"ratio": 4, "ns": 80}),
    (r"small/ten_multiplications", {"ratio": 5, "ns": 8000}),
    (r"small/(view|slice|select|item)$", {"ratio": 4}),
    (r"small/", {"ratio": 4}),
    (r"mlp/two_layers", {"ratio": 2, "floor": 1.4}),
    (r"mlp/784.*/sgd$", {"ratio": 1.5, "floor": 1.3}),
    (r"mlp/784", {"ratio": 2, "floor": 1.3}),
    (r"mlp/8-64-64-4", {"ratio": 5}),
    (r"matmul/float32", {"ratio": 1, "floor": 1 / 0.97}),
    (r"matmul/", {"ratio": 1}),
    (r"elementwise/(add|mul|clamp|pow2)/1e7$", {"ratio": 3, "floor": 1 / 0.9}),
    (r"elementwise/add_out/", {"ratio": 1.3}),
    (r"elementwise/.*/1e7$", {"ratio": 3}),
    (r"elementwise/", {"ratio": 1.3}),
    (r"layout/", {"ratio": 1.2}),
    (r"reduction/", {"ratio": 1.2}),
    (r"optimizer/", {"ratio": 2, "floor": 1.2}),
]
PROGRAMS = {
    "compile, s": 2,
    "compile, MB": 300,
    "link, s": 0.3,
    "start and run one operation, ms": 30,
    "resident memory, MB": 25,
    "library, MB": 20,
}


def aim_of(row):
    return next((aim for pattern, aim in AIMS if re.match(pattern, row)), {})
