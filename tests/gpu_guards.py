#!/usr/bin/env python3
"""Shows that each guard is needed: with it left out, the tests that are named beside it fail.

    tests/gpu_guards.py BUILD_FOLDER                on a machine with a GPU
    tests/gpu_guards.py --emulated BUILD_FOLDER     on two emulated devices: tests/emulated.sh says how they are built
    tests/gpu_guards.py --host BUILD_FOLDER         what can be shown without CUDA: devices are simulated
    tests/gpu_guards.py --build-only BUILD_FOLDER   then, perhaps on another machine: --run-only
    tests/gpu_guards.py --only 'engine|pinned' --jobs 8 BUILD_FOLDER

A guard is a wait of one stream for another, memory that is kept for work that is under way, what is refused during a
capture. BUILD_FOLDER is one of Ninja, with -DBUILD_SHARED_LIBS=ON and the tests. A second library is built beside its
own, BUILD_FOLDER/guards/libember.so, of the same objects but for the files with guards, in each of which there is a
question before the guard: EMBER_GUARD_OFF=N leaves out the N-th. With none left out every test has to pass, and each
test has to fail with its guard left out, having come by there. Two devices are needed for some.

Exits with 1 if a guard could be left out unnoticed, with 2 if it could not be tried.
"""

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIMULATED, BACKEND, CUDA = "ember_simulated_tests", "ember_backend_tests", "ember_cuda_tests"
REACHED = "[a guard was left out]"


@dataclasses.dataclass
class Test:
    program: str
    filter: str
    devices: int = 0


@dataclasses.dataclass
class Guard:
    name: str
    path: str
    text: str        # once in the file
    without: str     # what takes its place; OFF is true where it is left out
    tests: list

    @classmethod
    def statement(cls, name, path, text, tests):
        return cls(name, path, text, "if (!OFF) " + text, tests)


def streams(*names, devices=1):
    """Tests that run on a device and, without one, where it is simulated."""
    return [Test(SIMULATED, name) for name in names] + [
        Test(BACKEND if name.startswith("CudaMemoryStream") else CUDA, name, devices) for name in names]


def host(*names):
    return [Test(BACKEND, name) for name in names]


def allocator(*names):
    return host(*[f"Host/CudaAllocator.{name}/*" for name in names])


def device(*names, devices=1, program=CUDA):
    return [Test(program, name, devices) for name in names]


ENGINE, CORE = "autograd/engine.cpp", "core/backend.cpp"
ALLOCATOR, EVENTS, SEGMENTS = "cuda/allocator.cpp", "cuda/allocator_events.cpp", "cuda/allocator_segments.cpp"
PINNED, BACKEND_CPP, GRAPH, CONTEXT = "cuda/pinned.cpp", "cuda/backend.cpp", "cuda/graph.cpp", "cuda/context.cpp"

GUARDS = [
    # ---- backward ----
    Guard.statement("engine: a node waits for the stream of its gradient", ENGINE, "join(producer, consumer);\n",
                    streams("CudaBackwardStream.WaitsForTheGradientItIsGiven",
                            "CudaBackwardStream.ANodeWaitsForTheGradientOfAnotherStream",
                            "CudaBackwardStream.BranchesMeetAtALeaf")),
    Guard.statement("engine: and for the caller's, where the host made it", ENGINE,
                    "if (grad.is_cuda() && grad.device() != producer.device) join(",
                    streams("CudaBackwardStream.WaitsForWhatANodeOfTheHostMakes")),
    Guard.statement("engine: a gradient's memory is kept for the node's stream", ENGINE,
                    "backend(kCUDA).record_stream(grad.storage(), consumer);",
                    streams("CudaBackwardStream.AGradientLastsUntilAnotherStreamHasUsedIt",
                            "CudaBackwardStream.ALeafGradientLastsUntilTheCallerHasUsedIt")),
    Guard("engine: gradients meet on the node's stream", ENGINE, "const StreamGuard guard(consumer);",
          "std::optional<StreamGuard> guard;\n      if (!OFF) guard.emplace(consumer);",
          streams("CudaBackwardStream.BranchesMeetOnAThirdStream")),
    Guard.statement("engine: a node runs on the stream of its forward", ENGINE, "guard.emplace(stream);",
                    streams("CudaBackwardStream.ANodeRunsOnTheStreamOfItsForward", "CudaExternalStream.BackwardOnIt")),
    Guard("engine: leaves accumulate on the caller's stream", ENGINE,
          "if (s.device.is_cpu() || node.num_outputs() != 0) return s;",
          "if (s.device.is_cpu() || node.num_outputs() != 0 || OFF) return s;",
          streams("CudaBackwardStream.LeavesAccumulateOnTheCallersStream")),
    Guard.statement("engine: the caller's stream waits for all of backward", ENGINE,
                    "for (const Stream& used : used_streams_) join(",
                    streams("CudaBackwardStream.GradientsInBetweenAreReadyOnTheCallersStream")),
    Guard.statement("engine: memory of gradients that were asked for", ENGINE,
                    "for (const Tensor& g : results) keep_for_caller(",
                    streams("CudaBackwardStream.GradientsInBetweenLastUntilTheCallerHasUsedThem")),
    Guard.statement("engine: memory of gradients that were retained", ENGINE,
                    "for (const Tensor& g : retained_) keep_for_caller(",
                    streams("CudaBackwardStream.GradientsInBetweenLastUntilTheCallerHasUsedThem")),
    Guard("engine: layers of two streams are not fused", ENGINE, "|| from.stream() != to.stream())",
          "|| (!OFF && from.stream() != to.stream()))",
          streams("CudaBackwardStream.LayersOfTwoStreamsAreNotFused")),
    Guard.statement("engine: a thread for deep backwards has the caller's streams", ENGINE,
                    "for (const Stream& s : streams) set_current_stream(s);",
                    streams("CudaBackwardStream.NestedBackwardsKeepTheCallersStream")),
    # ---- guards ----
    Guard.statement("StreamGuard: the stream before", CORE, "b.set_current_stream(previous_);",
                    streams("CudaStreamTest.GuardsRestoreWhatWasCurrent", "CudaExternalStream.GuardsRestore",
                            "CudaStreamTest.GuardsOfThreadsDoNotMeet")),
    Guard.statement("StreamGuard: the device before", CORE,
                    "if (b.current_device() != previous_device_) b.set_device(previous_device_);",
                    streams("CudaDevices.CurrentStreams", devices=2)),
    Guard.statement("DeviceGuard: the device before", CORE,
                    "if (b.current_device() != previous_.index()) b.set_device(",
                    streams("CudaDevices.Guards", devices=2)),
    Guard.statement("Event: streams of other devices are refused", CORE,
                    "EMBER_CHECK(stream.device == device_, \"an event",
                    streams("CudaDevices.EventsBetweenDevices")[:1]),
    # ---- the caching allocator ----
    Guard.statement("allocator: streams that use a block are noted", ALLOCATOR, "block->users.push_back(stream);",
                    streams("CudaMemoryStream.RecordStreamKeepsMemory", "CudaExternalStream.RecordStream")
                    + allocator("WaitsForOtherStreams")),
    Guard("allocator: a block that others use is not free at once", ALLOCATOR,
          "if (block->users.empty()) [[likely]] {", "if (block->users.empty() || OFF) [[likely]] {",
          streams("CudaMemoryStream.RecordStreamKeepsMemory") + allocator("WaitsForOtherStreams")),
    Guard("allocator: until their events have passed", EVENTS, "} else if (!driver_->passed(event)) {",
          "} else if (!OFF && !driver_->passed(event)) {",
          streams("CudaMemoryStream.RecordStreamKeepsMemory") + allocator("WaitsForOtherStreams")),
    Guard("allocator: all of their events", EVENTS, "if (--block->waits == 0) give_back(block);",
          "if (--block->waits == 0 || OFF) give_back(block);", allocator("WaitsForOtherStreams")),
    Guard("allocator: each stream has memory of its own", ALLOCATOR, "if (pool->stream == stream) return *pool;",
          "if (pool->stream == stream || OFF) return *pool;",
          streams("CudaStreamTest.MemoryIsOfItsStream", "CudaExternalStream.HasMemoryOfItsOwn")
          + allocator("ReusesInStreamOrder")),
    Guard.statement("allocator: the cache goes back when the device is done", SEGMENTS,
                    "driver_->synchronize();  // the blocks' last work may still be queued",
                    allocator("ExhaustionFreesTheCacheThenThrows", "RandomWork")),
    Guard.statement("allocator: a graph's memory goes back when replays are done", SEGMENTS,
                    "if (!synchronized) driver_->synchronize();  // a replay may still run",
                    allocator("GraphReleasedWhileItRuns")),
    Guard.statement("allocator: also what is free of it while some is not", ALLOCATOR,
                    "driver_->synchronize();  // a replay may still run", allocator("GraphReleasedWhileItRuns")),
    Guard("allocator: no events on streams that are captured", EVENTS, "} else if (users_capture(block)) {",
          "} else if (!OFF && users_capture(block)) {", allocator("ForeignCapture")),
    Guard("allocator: nor later, while they still are", EVENTS, "      capture = users_capture(block);",
          "      capture = !OFF && users_capture(block);", allocator("ForeignCapture")),
    Guard("allocator: no events are asked for during a capture", EVENTS, "if (capturing(stream)) return;",
          "if (!OFF && capturing(stream)) return;", allocator("RandomWork")),
    Guard("allocator: the cache does not go back during a capture", SEGMENTS, "if (!capturing(pool.stream)) {",
          "if (OFF || !capturing(pool.stream)) {", allocator("CaptureOutOfMemory")),
    Guard("allocator: nor for a workspace", ALLOCATOR, "if (data == nullptr && !capturing(nullptr)) {",
          "if (data == nullptr && (OFF || !capturing(nullptr))) {", allocator("CaptureOutOfMemory")),
    Guard("allocator: nor when it is asked for", ALLOCATOR, "EMBER_CHECK(routes_.empty(), \"empty_cache",
          "EMBER_CHECK(OFF || routes_.empty(), \"empty_cache", allocator("CaptureOutOfMemory")),
    Guard("allocator: nor for a limit", ALLOCATOR, "reserved_ <= limit_ || !routes_.empty()) return;",
          "reserved_ <= limit_ || (!OFF && !routes_.empty())) return;", allocator("CaptureOutOfMemory")),
    Guard("allocator: nor what was mapped half way", SEGMENTS, "const bool keep = capturing(pool.stream);",
          "const bool keep = !OFF && capturing(pool.stream);", allocator("EveryRequestIsRefused")),
    Guard("allocator: nor what is free of a graph that has gone", ALLOCATOR,
          "if (pool->held != 0 && routes_.empty()) {", "if (pool->held != 0 && (OFF || routes_.empty())) {",
          allocator("GraphReleasedDuringAnotherCapture")),
    Guard("allocator: graphs that have gone stay during a capture", SEGMENTS, "if (!routes_.empty()) return;",
          "if (!OFF && !routes_.empty()) return;", allocator("GraphReleasedDuringAnotherCapture")),
    # ---- pinned memory ----
    Guard.statement("pinned: copies with a block are noted", PINNED,
                    "block->uses.push_back({device, stream, nullptr});",
                    streams("CudaMemoryStream.PinnedCopyOverlaps") + host("CudaPinned.WaitsForTheCopies")),
    Guard("pinned: a block waits for them", PINNED, "    passed = settle(block);", "    passed = OFF || settle(block);",
          streams("CudaMemoryStream.PinnedCopyOverlaps") + host("CudaPinned.WaitsForTheCopies")),
    Guard("pinned: until their events have passed", PINNED,
          "if (use.event == nullptr || !driver_->events(use.device).passed(use.event)) return false;",
          "if (use.event == nullptr || (!OFF && !driver_->events(use.device).passed(use.event))) return false;",
          streams("CudaMemoryStream.PinnedCopyOverlaps") + host("CudaPinned.WaitsForTheCopies")),
    Guard("pinned: no events on streams that are captured", PINNED,
          "if (use.event == nullptr && !driver_->events(use.device).capturing(use.stream)) {",
          "if (use.event == nullptr && (OFF || !driver_->events(use.device).capturing(use.stream))) {",
          host("CudaPinned.WaitsForCaptures")),
    # ---- CUDA's backend ----
    Guard("backend: record_stream", BACKEND_CPP, "if (impl == nullptr || impl->free_fn() != free_block) return;",
          "if (OFF || impl == nullptr || impl->free_fn() != free_block) return;",
          device("CudaMemoryStream.RecordStreamKeepsMemory", program=BACKEND)),
    Guard.statement("backend: a stream waits for an event", BACKEND_CPP,
                    "EMBER_CUDA_CHECK(cudaStreamWaitEvent(native(stream), handle_of(event).event, 0));",
                    device("CudaStreamTest.EventsOrderStreams")),
    Guard("backend: a blocking copy is complete", BACKEND_CPP,
          "    EMBER_CUDA_CHECK(cudaStreamSynchronize(scope.stream));\n",
          "    if (!OFF) EMBER_CUDA_CHECK(cudaStreamSynchronize(scope.stream));\n",
          device("CudaMemoryStream.BlockingCopiesOfPinnedMemoryAreComplete", program=BACKEND)),
    Guard("backend: pinned memory is noted as in use", BACKEND_CPP,
          "(pinned != nullptr && pinned->record_use(data, index, stream))",
          "(pinned != nullptr && (OFF ? pinned->owns(data) : pinned->record_use(data, index, stream)))",
          device("CudaMemoryStream.PinnedCopyOverlaps", program=BACKEND)),
    Guard.statement("backend: copies between devices wait for the target", BACKEND_CPP,
                    "EMBER_CUDA_CHECK(cudaStreamWaitEvent(src_stream, ready.get(), 0));",
                    device("CudaDevices.CopiesAreOrderedOnBothStreams", devices=2)),
    Guard.statement("backend: and the target for them", BACKEND_CPP,
                    "EMBER_CUDA_CHECK(cudaStreamWaitEvent(dst_stream, copied.get(), 0));",
                    device("CudaDevices.CopiesAreOrderedOnBothStreams", devices=2)),
    Guard.statement("backend: no copies of the host are captured", BACKEND_CPP, "check_not_capturing(to_host ? ",
                    device("CudaGraphTest.RefusesWhatCannotBeCaptured")),
    Guard.statement("backend: nor waits for the device", BACKEND_CPP,
                    "check_not_capturing(\"waiting for the device\");",
                    device("CudaGraphTest.RefusesWhatCannotBeCaptured")),
    Guard("backend: faults are seen when the device is waited for", BACKEND_CPP,
          "EMBER_CUDA_CHECK(cudaDeviceSynchronize());\n    check_faults(index);",
          "EMBER_CUDA_CHECK(cudaDeviceSynchronize());\n    if (!OFF) check_faults(index);",
          device("CudaStreamTest.EveryWaitReportsABadIndex")),
    Guard("backend: and a stream", BACKEND_CPP, "check_faults(index_of(stream.device));",
          "if (!OFF) check_faults(index_of(stream.device));", device("CudaStreamTest.EveryWaitReportsABadIndex")),
    Guard("backend: and an event", BACKEND_CPP, "check_faults(handle_of(event).device);",
          "if (!OFF) check_faults(handle_of(event).device);", device("CudaStreamTest.EveryWaitReportsABadIndex")),
    # ---- graphs and launches ----
    Guard.statement("graph: the default stream is not captured", GRAPH, "EMBER_CHECK(stream_ != nullptr,",
                    device("CudaGraphTest.RefusesWhatCannotBeCaptured")),
    Guard.statement("graph: has memory of its own", GRAPH, "pool_->begin(stream_);",
                    device("CudaGraphTest.PrivateMemory")),
    Guard("EMBER_CUDA_BLOCKING: waits", CONTEXT, "blocking_launches() && !is_capturing()) [[unlikely]]",
          "blocking_launches() && !OFF && !is_capturing()) [[unlikely]]",
          device("CudaFaultDeathTest.BlockingReportsAnIndexWhereItIsUsed")),
    Guard("EMBER_CUDA_BLOCKING: not during a capture", CONTEXT, "&& !is_capturing()) [[unlikely]]",
          "&& (OFF || !is_capturing())) [[unlikely]]",
          device("CudaFaultDeathTest.BlockingWaitsForReplaysAndNotForCaptures")),
]

PRELUDE = """#include <atomic>
#include <cstdio>
#include <cstdlib>
namespace {
[[maybe_unused]] bool guard_is_off(int guard) {
  static const int off = [] {
    const char* const value = std::getenv("EMBER_GUARD_OFF");
    return value != nullptr ? std::atoi(value) : -1;
  }();
  if (guard != off) return false;
  static std::atomic_flag said = ATOMIC_FLAG_INIT;
  if (!said.test_and_set()) std::fputs("%s\\n", stderr);
  return true;
}
}  // namespace
#line 1 "%s"
"""


def fail(message):
    print(f"tests/gpu_guards.py: {message}", file=sys.stderr)
    sys.exit(2)


# ---- the library ----

def with_questions(path, guards):
    """The text of a file with a question before each of its guards; guards are (number, Guard)."""
    source = (ROOT / path).read_text(encoding="utf-8")
    for number, guard in guards:
        if source.count(guard.text) != 1:
            fail(f"{path}: {source.count(guard.text)} times in it, not once, is the guard \"{guard.name}\":\n"
                 f"{guard.text}")
        source = source.replace(guard.text, guard.without.replace("OFF", f"guard_is_off({number})"))
    return PRELUDE % (REACHED, ROOT / path) + source


def is_source(token, path):
    return token == str(ROOT / path)


def build(folder, guards):
    """Compiles the files with guards and links them with the objects of `folder` that have none."""
    needed = sorted({test.program for guard in guards for test in guard.tests})
    subprocess.run(["cmake", "--build", str(folder), "--target", "ember", *needed], check=True,
                   stdout=subprocess.DEVNULL)
    listed = subprocess.run(["ninja", "-C", str(folder), "-t", "commands", "ember"], check=True, text=True,
                            stdout=subprocess.PIPE).stdout.splitlines()
    commands = [line for line in listed if not line.startswith("ninja: ")]
    links = [line for line in commands if re.search(r" -o \S*libember\.so\S* ", line)]
    if len(links) != 1:
        fail(f"{folder} does not link one shared library; it has to be configured with -DBUILD_SHARED_LIBS=ON")
    out = folder / "guards"
    (out / "objects").mkdir(parents=True, exist_ok=True)
    link = links[0]
    numbers = {id(guard): number for number, guard in enumerate(GUARDS)}
    compiles = []
    for path in sorted({guard.path for guard in guards}):
        mutated = out / "objects" / path.replace("/", "_")
        mutated.write_text(with_questions(path, [(numbers[id(g)], g) for g in guards if g.path == path]),
                           encoding="utf-8")
        found = [shlex.split(line) for line in commands if any(is_source(t, path) for t in shlex.split(line))]
        if len(found) != 1:
            fail(f"{folder} compiles {path} {len(found)} times")
        command = [str(mutated) if is_source(token, path) else token for token in found[0]]
        old = command[command.index("-o") + 1]
        new = str(mutated.with_suffix(".o"))
        command = [token.replace(old, new) for token in command]
        if f" {old} " not in link:
            fail(f"{old} is not in the command that links the library")
        link = link.replace(f" {old} ", f" {new} ")
        compiles.append(command)
    link = re.sub(r" -o (\S*?)(libember\.so)\S* ", f" -o {shlex.quote(str(out / 'libember.so'))} ", link)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for result in pool.map(lambda c: subprocess.run(c, cwd=folder, text=True, stdout=subprocess.PIPE,
                                                        stderr=subprocess.STDOUT), compiles):
            if result.returncode != 0:
                fail(f"{shlex.join(result.args)}\n{result.stdout}")
    subprocess.run(link, shell=True, check=True, cwd=folder)


# ---- the tests ----

def emulate(folder):
    libraries = folder / "tests/emulator"
    if not (libraries / "libcudart.so.13").exists():
        fail(f"there is no emulated CUDA in {libraries}")
    os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(
        [str(libraries), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])
    os.environ.setdefault("EMBER_EMULATED_DEVICES", "2")
    os.environ.setdefault("EMBER_EMULATED_ORDER", "eager")  # the tests hold streams up by kernels that sleep
    return int(os.environ["EMBER_EMULATED_DEVICES"])


def devices():
    listed = subprocess.run(["nvidia-smi", "-L"], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            check=False).stdout if which("nvidia-smi") else ""
    return len([line for line in listed.splitlines() if line.startswith("GPU ")])


def which(name):
    return any(os.access(os.path.join(p, name), os.X_OK) for p in os.environ.get("PATH", "").split(os.pathsep))


def run(folder, program, pattern, off, limit):
    """(outcome, whether the guard was come by, the output): passed, failed, skipped or hangs."""
    environment = dict(os.environ, EMBER_GUARD_OFF=str(off), OMP_NUM_THREADS="1")
    environment["LD_LIBRARY_PATH"] = os.pathsep.join(
        [str(folder / "guards"), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])
    # Where the programs were built elsewhere they lie as they did there.
    command = [str(folder / "tests" / program), f"--gtest_filter={pattern}"]
    try:
        result = subprocess.run(command, env=environment, text=True, errors="replace", stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=limit, check=False)
    except subprocess.TimeoutExpired as e:
        output = e.stdout.decode(errors="replace") if isinstance(e.stdout, bytes) else e.stdout or ""
        return "hangs", REACHED in output, output
    output = result.stdout
    ran = re.search(r"^\[==========\] (\d+) tests? .* ran", output, re.M)
    skipped = re.search(r"^\[  SKIPPED \] (\d+) tests?, listed", output, re.M)
    if result.returncode != 0:
        outcome = "failed"
    elif not ran or int(ran[1]) == 0:
        outcome = "no such test"
    elif skipped and skipped[1] == ran[1]:
        outcome = "skipped"
    else:
        outcome = "passed"
    return outcome, REACHED in output, output


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, metavar="BUILD_FOLDER")
    parser.add_argument("--build-only", action="store_true")
    parser.add_argument("--run-only", action="store_true")
    parser.add_argument("--host", action="store_true", help="only the tests that need no GPU")
    parser.add_argument("--emulated", action="store_true", help="on emulated devices")
    parser.add_argument("--only", default="", metavar="REGEX", help="of the guards' names")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="tests at once; 2 unless given")
    parser.add_argument("--timeout", type=int, default=60, metavar="S", help="for a test; 60 unless given")
    options = parser.parse_args()
    folder = options.folder.resolve()

    guards = [guard for guard in GUARDS if re.search(options.only, guard.name)]
    if not any((folder / path).exists() for path in ("CMakeFiles/ember.dir/cuda", "guards/libember.so")):
        guards = [guard for guard in guards if not guard.path.startswith("cuda/")]  # a build for the CPU
    available = 0 if options.host else emulate(folder) if options.emulated else devices()
    if not guards:
        fail(f"no guard's name matches {options.only}")
    if not options.run_only:
        build(folder, guards)
        if options.build_only:
            print(folder / "guards/libember.so")
            return 0
    if not (folder / "guards/libember.so").exists():
        fail("there is no library to try; it is built without --run-only")
    if not options.host and available == 0:
        fail("there is no GPU; --emulated and --host do what can be done without")

    trials = [(number, guard, test) for number, guard in enumerate(GUARDS) if guard in guards
              for test in guard.tests if test.devices <= available]
    patterns = {}
    for _, _, test in trials:
        patterns.setdefault(test.program, set()).add(test.filter)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        whole = pool.map(lambda p: (p, *run(folder, p, ":".join(sorted(patterns[p])), -1, 10 * options.timeout)),
                         patterns)
        for program, outcome, _, output in whole:
            if outcome != "passed" or "[  SKIPPED ]" in output:
                bad += 1
                print("\n".join(line for line in output.splitlines() if "[ RUN" not in line and "   OK ]" not in line))
                print(f"with no guard left out: {program} {outcome}")
        if bad:
            return 2
        begin = time.monotonic()
        results = list(pool.map(lambda t: run(folder, t[2].program, t[2].filter, t[0], options.timeout), trials))
    tried = set()
    for (number, guard, test), (outcome, reached, _) in zip(trials, results):
        found = outcome in ("failed", "hangs") and reached
        bad += not found
        said = "found" if found and outcome == "failed" else f"found: {outcome}" if found else "NOT FOUND: " + (
            outcome if reached else f"{outcome}, not come by")
        where = "device" if test.devices else "host"
        print(f"{guard.name if number not in tried else '':64}  {where:6}  {test.filter:75}  {said}")
        tried.add(number)
    left = [guard.name for number, guard in enumerate(GUARDS) if guard in guards and number not in tried]
    print(f"\n{len(tried)} guards left out in {len(trials)} tests, {time.monotonic() - begin:.0f} s: "
          f"{bad} not found" + (f"; not tried: {len(left)}" if left else ""))
    for name in left:
        print(f"  not tried: {name}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
