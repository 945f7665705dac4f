#!/usr/bin/env python3
"""What one translation unit costs to compile: benchmarks/compile/training_loop.cpp against Ember and against LibTorch.

    compile.py BUILD LIBTORCH [--runs N] [--compiler C] [--write FOLDER]

BUILD is a folder in which Ember has been built, LIBTORCH the folder that has LibTorch's include/. The two are compiled
in turns; printed are the medians and the range of the time and the most memory that the compiler held. With --write,
FOLDER gets compile.json and compile.md."""
import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "benchmarks/compile/training_loop.cpp"
FLAGS = ["-std=c++20", "-O2"]


def compile_once(compiler, includes, output):
    """Seconds and peak memory in bytes of one compilation."""
    command = [compiler, *FLAGS, *(f"-I{i}" for i in includes), "-c", str(SOURCE), "-o", output]
    start = time.monotonic()
    child = os.spawnvp(os.P_NOWAIT, command[0], command)
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - start
    if status != 0:
        raise SystemExit("does not compile: " + " ".join(command))
    return seconds, usage.ru_maxrss * 1024


def cpu_name():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


def libtorch_version(folder):
    try:
        return (folder / "version.py").read_text().split("__version__ = '")[1].split("'")[0]
    except (OSError, IndexError):
        return "unknown"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("libtorch", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--write", type=pathlib.Path)
    arguments = parser.parse_args()
    sides = {
        "Ember": [ROOT / "compat", arguments.build / "include"],
        "LibTorch": [arguments.libtorch / "include", arguments.libtorch / "include/torch/csrc/api/include"],
    }
    samples = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(arguments.runs):
            for side, includes in sides.items():
                samples[side].append(compile_once(arguments.compiler, includes, f"{folder}/{side}.o"))
    version = subprocess.run([arguments.compiler, "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True,
                            text=True).stdout.strip()
    result = {"date": datetime.date.today().isoformat(), "cpu": cpu_name(), "cores": os.cpu_count(), "commit": commit,
              "compiler": version, "flags": FLAGS, "libtorch": libtorch_version(arguments.libtorch),
              "runs": arguments.runs, "sides": {}}
    lines = [f"{result['date']}, {result['cpu']}, {result['cores']} cores, commit {commit}, {version}, "
             f"LibTorch {result['libtorch']}, `{' '.join(FLAGS)}`, {arguments.runs} runs each, in turns.", "",
             "| | seconds: median (range) | most memory, MB |", "|---|---|---|"]
    for side, values in samples.items():
        seconds = sorted(s for s, _ in values)
        memory = max(m for _, m in values) / 1e6
        result["sides"][side] = {"seconds": seconds, "memory_mb": round(memory, 1)}
        lines.append(f"| {side} | {statistics.median(seconds):.2f} ({seconds[0]:.2f} to {seconds[-1]:.2f}) | {memory:.0f} |")
    ratio = (statistics.median(result["sides"]["LibTorch"]["seconds"]) /
             statistics.median(result["sides"]["Ember"]["seconds"]))
    lines.append(f"\nLibTorch takes {ratio:.1f} times as long.")
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.write:
        (arguments.write / "compile.json").write_text(json.dumps(result, indent=2) + "\n")
        (arguments.write / "compile.md").write_text("# Compiling one training program\n\n" + text)


if __name__ == "__main__":
    main()
