"""What a program costs before it computes anything: compiling, linking, starting, memory, size."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
FLAGS = ["-std=c++20", "-O2"]


def _run(command):
    """Seconds of a process, and the most memory in MB of it and of what it ran (or of this process, if that has more)."""
    start = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ,
                            file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
                                          (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - start
    if status != 0:
        sys.exit("failed: " + " ".join(map(str, command)))
    return seconds, usage.ru_maxrss * 1024 / 1e6


def _sides(folder, libtorch):
    root = HERE.parent.parent
    return {
        "Ember": (
            [f"-I{root / 'compat'}", f"-I{folder / 'include'}"],
            [str(folder / "libember.a"), "-ldnnl", "-lhwy", "-lspdlog", "-lfmt", "-fopenmp", "-lbacktrace"],
            [folder / "libember.a"],
        ),
        "LibTorch": (
            [f"-I{libtorch / 'include'}", f"-I{libtorch / 'include/torch/csrc/api/include'}"],
            [f"-L{libtorch / 'lib'}", f"-Wl,-rpath,{libtorch / 'lib'}", "-Wl,--allow-shlib-undefined", "-ltorch",
             "-ltorch_cpu", "-lc10"],
            [libtorch / "lib" / f"lib{n}.so" for n in ("torch", "torch_cpu", "c10")],
        ),
    }


def measure(folder, libtorch, runs):
    """{row: {side: [values]}}"""
    compiler = shutil.which("g++") or "c++"
    names = ["compile, s", "compile, MB", "link, s", "start and run one operation, ms", "resident memory, MB",
             "library, MB", "program without debug information, MB"]
    result = {name: {} for name in names}

    def add(name, side, value):
        result[name].setdefault(side, []).append(round(value, 3))

    sides = _sides(folder, libtorch)
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(runs):
            for side, (includes, libraries, _) in sides.items():
                print(f"compiling, {side}", file=sys.stderr)
                seconds, memory = _run([compiler, *FLAGS, *includes, "-w", "-c", str(HERE / "training_loop.cpp"), "-o",
                                        f"{scratch}/training_loop.o"])
                add("compile, s", side, seconds)
                add("compile, MB", side, memory)
        for side, (includes, libraries, files) in sides.items():
            program = f"{scratch}/{side}"
            _run([compiler, *FLAGS, *includes, "-w", "-c", str(HERE / "one_operation.cpp"), "-o", program + ".o"])
            for _ in range(runs):
                add("link, s", side, _run([compiler, program + ".o", "-o", program, *libraries])[0])
            shutil.copy(program, program + ".stripped")
            subprocess.run(["strip", program + ".stripped"], check=True)
            add("program without debug information, MB", side, os.path.getsize(program + ".stripped") / 1e6)
            add("library, MB", side, sum(os.path.getsize(f) for f in files) / 1e6)
        for _ in range(10 * runs):
            for side in sides:
                start = time.monotonic()
                lines = subprocess.run([f"{scratch}/{side}"], capture_output=True, text=True, check=True).stdout.split("\n")
                add("start and run one operation, ms", side, (time.monotonic() - start) * 1e3)
                add("resident memory, MB", side, int(lines[1].split()[0]) * 1024 / 1e6)
    return result
