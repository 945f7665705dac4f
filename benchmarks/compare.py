#!/usr/bin/env python3
"""Runs ember_mlp and its LibTorch twin in turn and prints their step times side by side, as Markdown.

    benchmarks/compare.py BIN ROUNDS [-- ARGUMENTS OF ember_mlp...]

BIN is the folder with ember_mlp and ember_mlp_libtorch. Each round is a process of each. The number given is
the median over the rounds of a run's median step; the spread is the least and the greatest of those medians.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

# ember_mlp's arguments, and what they are called in the table.
CASES = [
    ("two-layer, batch 64", ["--model", "two-layer"]),
    ("digits, 64-512-512-10, batch 64", []),
    ("digits, 64-2048-2048-10, batch 256", ["--hidden", "2048,2048", "--batch", "256"]),
    ("digits, 64-512-512-10, batch 64, AdamW", ["--optimizer", "adamw"]),
]


def run(program, arguments):
    with tempfile.TemporaryDirectory() as scratch:
        file = pathlib.Path(scratch) / "result.json"
        subprocess.run([program, *arguments, "--json", file], check=True, stdout=subprocess.DEVNULL)
        return json.loads(file.read_text())


def describe(results):
    medians = [r["step_seconds"]["median"] * 1e3 for r in results]
    gflops = statistics.median(r["gflops"] for r in results)
    return f"{statistics.median(medians):.3f} ms ({min(medians):.3f}–{max(medians):.3f}), {gflops:.0f} GFLOP/s"


def main():
    if len(sys.argv) < 3 or (len(sys.argv) > 3 and sys.argv[3] != "--"):
        sys.exit(__doc__)
    folder, rounds, more = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[4:]
    print("| step of | Ember | LibTorch | LibTorch / Ember | test accuracy, Ember / LibTorch |\n|---|---|---|---|---|")
    for name, arguments in CASES:
        ember, libtorch = [], []
        for _ in range(rounds):
            ember.append(run(folder / "ember_mlp", arguments + more))
            libtorch.append(run(folder / "ember_mlp_libtorch", arguments + more))
        ratio = statistics.median(r["step_seconds"]["median"] for r in libtorch) / statistics.median(
            r["step_seconds"]["median"] for r in ember)
        accuracy = "" if "test_accuracy" not in ember[0] else " / ".join(
            f"{100 * results[0]['test_accuracy']:.2f}%" for results in (ember, libtorch))
        print(f"| {name} | {describe(ember)} | {describe(libtorch)} | {ratio:.2f} | {accuracy} |", flush=True)


if __name__ == "__main__":
    main()
