"""Runs both sides of benchmarks/gpu and gathers what they answer."""
import contextlib
import datetime
import json
import os
import pathlib
import queue
import re
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COPY_BYTES = 256 << 20  # and never more, of the copies that are floors


class SideError(Exception):
    pass


class Side:
    """A program that answers each line with a JSON object. One that does not answer in time, or dies, is started anew
    by the next question."""

    def __init__(self, name, command, environment=None):
        self.name, self.command, self.process = name, [str(c) for c in command], None
        self.environment = {**os.environ, **(environment or {})}

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                        env=self.environment)
        self.lines = queue.Queue()

        def read(process, lines):
            with contextlib.suppress(ValueError):  # closed meanwhile
                for line in process.stdout:
                    if line.startswith("{"):
                        lines.put(line)
            lines.put(None)

        threading.Thread(target=read, args=(self.process, self.lines), daemon=True).start()

    def ask(self, question, timeout):
        if self.process is None:
            self.start()
        try:
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()
            line = self.lines.get(timeout=max(timeout, 1))
        except queue.Empty:
            self.stop()
            raise SideError(f"no answer in {timeout:.0f} s") from None
        except OSError:
            line = None
        if line is None:
            raise SideError(f"{self.name} ended with {self._forget()}")
        answer = json.loads(line)
        if "error" in answer:
            raise SideError(answer["error"])
        return answer

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self._forget()

    def _forget(self):
        process, self.process = self.process, None
        code = process.wait()
        process.stdout.close()
        with contextlib.suppress(OSError):
            process.stdin.close()
        return code


class Clock:
    def __init__(self, budget):
        self.end = time.monotonic() + budget

    def left(self):
        return self.end - time.monotonic()


def _output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def build(folder):
    subprocess.run(["cmake", "-S", ROOT, "-B", folder, "-DCMAKE_BUILD_TYPE=Release", "-DEMBER_CUDA=ON", "-DEMBER_TESTS=OFF",
                    "-DEMBER_BENCHMARKS=ON"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder, "--target", "ember_gpu", "--parallel"], check=True)
    return folder / "bin/ember_gpu"


def _machine(ember, torch, options, commit):
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    driver = _output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader").split("\n")[0]
    if not commit:
        commit = _output("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
        if commit and _output("git", "-C", str(ROOT), "status", "--porcelain"):
            commit += " with changes"
    machine = {"date": datetime.date.today().isoformat(), "cpu": cpu[1] if cpu else "unknown", "cores": os.cpu_count(),
               "commit": commit or "unknown", "driver": driver}
    machine["device"] = ember.ask("info", 60)
    if torch:
        machine["torch"] = torch.ask("info", 60)
    if options.tiny:
        machine["tiny"] = True
    return machine


def _floor_questions(name, work):
    """What is asked for a row's floor, by the name that it has in the result."""
    if name.startswith("host/"):
        return {"launch": "floor launch"}
    questions = {f"product {p}": f"floor product {p}" for p, _ in work["products"]}
    if work["products"]:
        questions[products_of(work)] = "floor " + products_of(work)
    size = copy_size(work)
    questions[f"copy {size}"] = f"floor copy {size}"
    return questions


def products_of(work):
    """The name of the floor that is all of a row's products, one after the other."""
    return "products " + " ".join(f"{p} {times}" for p, times in work["products"])


def copy_size(work):
    """The bytes of the copy whose rate is taken for a row's: a copy moves them twice."""
    return int(min(COPY_BYTES, max(4096, work["bytes"] / 2)))


class Sampled:
    """One row of one side in one way, from its opening on."""

    def __init__(self, side, names, record):
        self.side, self.names, self.record, self.open = side, names, record, False

    def ask(self, verb, timeout):
        try:
            return self.side.ask(f"{verb} {self.names}", timeout)
        except SideError as error:
            self.record["error"] = str(error)
            self.open = False
            return None

    def begin(self, timeout):
        answer = self.ask("open", timeout)
        if answer is not None:
            self.open = True
            self.record["checksum"] = answer["checksum"]

    def sample(self, timeout):
        answer = self.ask("sample", timeout) if self.open else None
        if answer is not None:
            self.record.setdefault("ns", []).append(answer["ns"])

    def end(self):
        if self.side.process is not None:
            try:
                self.side.ask(f"close {self.names}", 30)
            except SideError as error:
                self.record.setdefault("error", str(error))


def _measure_row(name, row, sides, ways, floors, clock, options):
    """Samples a row of Ember and the given ways of PyTorch in turns, and its floors."""
    ember, torch = sides
    sampled = [Sampled(ember, name, row["ember"])]
    sampled += [Sampled(torch, f"{name} {way}", row["torch"].setdefault(way, {})) for way in ways]
    for each in sampled:
        each.begin(min(60, clock.left() + 10))
    questions = {} if options.device == "cpu" else _floor_questions(name, row["work"])
    for _ in range(options.repeats):
        for each in sampled:
            each.sample(min(30, clock.left() + 10))
        for floor, question in questions.items():
            if isinstance(floors.get(floor), str):
                continue
            try:
                floors.setdefault(floor, []).append(ember.ask(question, 30)["ns"])
            except SideError as error:
                floors[floor] = str(error)
    for each in sampled:
        each.end()


def measure(options, command):
    clock = Clock(options.budget)
    arguments = ["--serve", "--device", options.device, "--sample-ms", options.sample_ms] + ["--tiny"] * options.tiny
    ember = Side("Ember", [options.binary.resolve(), *arguments], {"EMBER_CUDA_TUNE": "1"} if options.tune else {})
    torch = None if options.no_torch else Side(
        "PyTorch", [options.python, ROOT / "benchmarks/gpu_comparison/torch_rows.py", *arguments])
    try:
        if torch:
            torch.start()  # what takes it seconds goes on beside Ember's start
        works = ember.ask("list", 60)["rows"]
        ways = {}
        if torch:
            try:
                ways = torch.ask("list", 90)["rows"]
            except SideError as error:
                print(f"benchmarks/gpu: without PyTorch: {error}", file=sys.stderr)
                torch = None
        result = {"machine": _machine(ember, torch, options, options.commit), "command": command.strip(),
                  "repeats": options.repeats, "sample_ms": options.sample_ms, "rows": {}, "floors": {}, "left_out": []}
        names = [name for name in works if re.search(options.rows, name)]
        for name in names:
            result["rows"][name] = {"work": works[name], "ember": {}, "torch": {}}
        passes = [lambda way: way != "compile", lambda way: way == "compile"][:1 if options.no_compile else 2]
        for number, wanted in enumerate(passes):
            for name in names:
                row_ways = [way for way in ways.get(name, []) if wanted(way)]
                if number == 1 and not row_ways:
                    continue
                if clock.left() < 0:
                    result["left_out"].append(name + (", compiled" if number == 1 else ""))
                    continue
                print(f"{clock.left():.0f} s left: {name}" + (", compiled" if number == 1 else ""), file=sys.stderr)
                _measure_row(name, result["rows"][name], (ember, torch), row_ways, result["floors"], clock, options)
        if options.device != "cpu":
            try:
                result["floors"]["graph_node"] = [ember.ask("floor graph_node", 30)["ns"] for _ in range(options.repeats)]
            except SideError as error:
                result["floors"]["graph_node"] = str(error)
        result["seconds"] = round(options.budget - clock.left())
        return result
    finally:
        ember.stop()
        if torch:
            torch.stop()
