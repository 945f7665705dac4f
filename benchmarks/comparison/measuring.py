"""Runs the comparison's programs and gathers what they print."""
import datetime
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SIDES = {"Ember": "ember_comparison", "LibTorch": "ember_comparison_libtorch"}


def _first_line(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0]


def machine(folder, libtorch):
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    version = re.search(r"__version__ = '([^']*)'", (libtorch / "version.py").read_text()) if (
        libtorch / "version.py").exists() else None
    cache = (folder / "CMakeCache.txt").read_text()
    compiler = re.search(r"CMAKE_CXX_COMPILER:\w*=(.*)", cache)
    dirty = subprocess.run(["git", "-C", ROOT, "status", "--porcelain"], capture_output=True, text=True).stdout.strip()
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": cpu[1] if cpu else "unknown",
        "cores": os.cpu_count(),
        "commit": _first_line("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD") + (" with changes" if dirty else ""),
        "compiler": _first_line(compiler[1] if compiler else "c++", "--version"),
        "libtorch": version[1] if version else (libtorch / "build-version").read_text().strip()
        if (libtorch / "build-version").exists() else "unknown",
    }


def thread_counts():
    return sorted({1, os.cpu_count()})


def run(program, threads, arguments):
    """The benchmarks that a program of Google Benchmark ran, by name."""
    with tempfile.TemporaryDirectory() as scratch:
        file = pathlib.Path(scratch) / "result.json"
        subprocess.run([program, f"--benchmark_out={file}", *arguments], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": str(threads)})
        text = file.read_text()
    if not text.strip():  # no row matches
        return {}
    found = {}
    for row in json.loads(text)["benchmarks"]:
        if "error_occurred" in row:
            sys.exit(f"{program}: {row['name']}: {row.get('error_message')}")
        row["nanoseconds"] = row["real_time"] * {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[row["time_unit"]]
        found[row["name"].removesuffix("/real_time")] = row
    return found


def floors(folder):
    """By number of threads: peak of multiply-adds and copies by size, in units per nanosecond, and direct products."""
    result = {}
    for threads in thread_counts():
        found = {}
        for _ in range(3):
            for name, row in run(folder / "bin/ember_floor", threads, ["--benchmark_min_time=0.03"]).items():
                best = found.setdefault(name, {"nanoseconds": row["nanoseconds"], "rate": row.get("rate", 0)})
                best["nanoseconds"] = min(best["nanoseconds"], row["nanoseconds"])
                best["rate"] = max(best["rate"], row.get("rate", 0))
        result[threads] = {
            "flops_per_ns": found["fma"]["rate"] / 1e9,
            "allocation_ns": found["allocate"]["nanoseconds"],
            "copy_bytes_per_ns": {int(n.split("/")[1]): f["rate"] / 1e9 for n, f in found.items() if n.startswith("copy/")},
            "direct_ns": {n: f["nanoseconds"] for n, f in found.items() if n.startswith("matmul/")},
        }
    return result


def instructions(folder, names):
    """Instructions of one call of each row on Ember's side, by callgrind: they do not depend on the machine's noise.
    Nothing where there is no valgrind."""
    if shutil.which("valgrind") is None:
        return {}

    def count(name, iterations):
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", folder / "bin" / SIDES["Ember"],
                   f"--iterations={iterations}", f"--benchmark_filter=^{re.escape(name)}(/|$)"]
        run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        return int(re.search(r"Collected : (\d+)", run.stderr)[1])

    return {name: round((count(name, 3000) - count(name, 1000)) / 2000) for name in names}


def rows(folder, rounds, pattern, min_time):
    """{row: {"work": …, side: {threads: {"nanoseconds": [one per round], "checksum": …}}}}"""
    result = {}
    for number in range(rounds):
        for threads in thread_counts():
            for side, program in SIDES.items():
                print(f"round {number + 1} of {rounds}, {side}, {threads} thread{'s' * (threads > 1)}", file=sys.stderr)
                arguments = [f"--benchmark_filter={pattern}", f"--benchmark_min_time={min_time}"]
                for name, row in run(folder / "bin" / program, threads, arguments).items():
                    entry = result.setdefault(name, {"work": {k: row[k] for k in ("flops", "bytes", "allocations")}})
                    at = entry.setdefault(side, {}).setdefault(threads, {"nanoseconds": []})
                    at["nanoseconds"].append(round(row["nanoseconds"], 2))
                    at["checksum"] = [row[k] for k in ("sum", "weighted", "magnitude", "odd")]
    return result
