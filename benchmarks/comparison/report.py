"""The comparison's results as Markdown and JSON."""
import json
import math
from statistics import median

import aims


def _best(side):
    """The number of threads at which the side's median is least."""
    return min(side, key=lambda threads: median(side[threads]["nanoseconds"]))


def floor_of(name, work, threads, floors):
    """Nanoseconds: oneDNN called directly where the row is one product; else multiply-adds at their peak, and after
    them the passes over memory at the speed of a copy of that size, and allocations."""
    f = floors[threads]
    if name in f["direct_ns"]:
        return f["direct_ns"][name]
    sizes = f["copy_bytes_per_ns"]
    nearest = min(sizes, key=lambda size: abs(math.log(size / max(work["bytes"], 1))))
    return work["flops"] / f["flops_per_ns"] + work["bytes"] / sizes[nearest] + work["allocations"] * f["allocation_ns"]


def _same(name, a, b):
    """Whether two checksums agree to rounding: sums within 2e-5 of the sum of magnitudes. Training amplifies rounding
    from step to step, and bfloat16 has 8 bits."""
    slack = (1e-3 if name.startswith(("mlp/", "matmul/bfloat16")) else 2e-5) * max(a[2], b[2]) + 1e-30
    return a[3] == b[3] and all(abs(x - y) <= slack for x, y in zip(a[:3], b[:3]))


def differing(result):
    lines = []
    for name, row in result["rows"].items():
        sums = [(side, threads, at["checksum"]) for side in ("Ember", "LibTorch") for threads, at in row.get(side, {}).items()]
        for side, threads, checksum in sums[1:]:
            if not _same(name, sums[0][2], checksum):
                lines.append(f"{name}: {side}, {threads} threads: {checksum}; {sums[0][0]}, {sums[0][1]}: {sums[0][2]}")
    return lines


def time_text(ns):
    for unit, scale in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= scale:
            return f"{ns / scale:.3g} {unit}"
    return f"{ns:.3g} ns"


def spread_text(values):
    return f"{time_text(median(values))} ({time_text(min(values))}–{time_text(max(values))})"


def evaluate(name, row, floors):
    """A row's figures: best threads and medians of each side, ratios, floor, and what is missing of the aim."""
    ember, torch = row["Ember"], row["LibTorch"]
    te, tt = _best(ember), _best(torch)
    ours, theirs = median(ember[te]["nanoseconds"]), median(torch[tt]["nanoseconds"])
    floor = floor_of(name, row["work"], te, floors)
    aim = aims.aim_of(name)
    ratio = theirs / ours
    one = median(torch[1]["nanoseconds"]) / median(ember[1]["nanoseconds"])
    missed = []
    if ratio < aim.get("ratio", 0):
        missed.append(f"×{aim['ratio']:g}")
    if ours > aim.get("ns", math.inf):
        missed.append(f"{aim['ns']:g} ns")
    if floor and ours / floor > aim.get("floor", math.inf):
        missed.append(f"{aim['floor']:.3g}× floor")
    return {"ember_threads": te, "libtorch_threads": tt, "ratio": ratio, "ratio_at_one": one, "ours": ours,
            "floor": floor, "missed": missed, "aim": aim}


def _aim_text(aim):
    parts = [f"×{aim['ratio']:g}"] if "ratio" in aim else []
    parts += [f"{aim['ns']:g} ns"] if "ns" in aim else []
    parts += [f"{aim['floor']:.3g}× floor"] if "floor" in aim else []
    return ", ".join(parts)


def markdown(result):
    m = result["machine"]
    lines = [
        "# Ember and LibTorch side by side, CPU", "",
        f"{m['date']}; {m['cpu']}, {m['cores']} cores; Ember at commit {m['commit']}, LibTorch {m['libtorch']}; {m['compiler']}. "
        f"`{result['command']}`: {result['rounds']} rounds, the two in turns.", "",
        "Times are medians over the rounds (least–greatest) of the side at its best number of threads, which is given "
        "behind it. Ratio: LibTorch's time over Ember's; “at 1”: both with one thread. Floor: oneDNN called directly for a "
        "product; else multiply-adds at the measured peak, memory passes at the measured speed of a copy of that size, "
        "and allocations; “× floor” is Ember's time over it. An aim that is not reached stands in bold. Instructions are those of one "
        "call on Ember's side, counted by callgrind (which shows the library a processor without AVX-512).", "",
    ]
    group = None
    reached = total = 0
    for name, row in result["rows"].items():
        if "Ember" not in row or "LibTorch" not in row:
            continue
        e = evaluate(name, row, result["floor"])
        if name.split("/")[0] != group:
            group = name.split("/")[0]
            counted = any(n.split("/")[0] == group for n in result["instructions"])
            more = (" instructions |", "---|") if counted else ("", "")
            lines += ["", f"## {group}", "", "| | Ember | LibTorch | ratio | at 1 | × floor | aim |" + more[0],
                      "|---|---|---|---|---|---|---|" + more[1]]
        floor = f"{e['ours'] / e['floor']:.2f}" if e["floor"] else ""
        total += 1
        reached += not e["missed"]
        aim = _aim_text(e["aim"])
        if e["missed"]:
            aim += "; **missed: " + ", ".join(e["missed"]) + "**"
        lines.append(f"| {name.split('/', 1)[1]} | {spread_text(row['Ember'][e['ember_threads']]['nanoseconds'])}, {e['ember_threads']} | "
                     f"{spread_text(row['LibTorch'][e['libtorch_threads']]['nanoseconds'])}, {e['libtorch_threads']} | {e['ratio']:.2f} | "
                     f"{e['ratio_at_one']:.2f} | {floor} | {aim} |" +
                     (f" {result['instructions'][name]} |" if name in result["instructions"] else ""))
    lines += ["", f"{reached} of {total} rows reach their aim.", ""]
    if result["programs"]:
        lines += ["## Programs", "",
                  "A training program compiled with `-O2`; a program of one operation linked, started and looked at. Ember's "
                  "library is static, and holds what is not linked too.", "",
                  "| | Ember | LibTorch | ratio | aim |", "|---|---|---|---|---|"]
        for name, sides in result["programs"].items():
            ours, theirs = median(sides["Ember"]), median(sides["LibTorch"])
            aim = aims.PROGRAMS.get(name)
            text = "" if aim is None else f"{aim:g}" if ours <= aim else f"{aim:g}; **missed**"
            ends = [f"{median(v):.3g} ({min(v):.3g}–{max(v):.3g})" if len(v) > 1 else f"{v[0]:.3g}" for v in (sides["Ember"], sides["LibTorch"])]
            lines.append(f"| {name} | {ends[0]} | {ends[1]} | {theirs / ours:.1f} | {text} |")
        lines.append("")
    lines += ["## The machine", "", "| threads | multiply-adds | copy, by size | malloc and free |", "|---|---|---|---|"]
    for threads, f in result["floor"].items():
        copies = ", ".join(f"{size >> 10} KiB {rate:.0f} GB/s" for size, rate in sorted(f["copy_bytes_per_ns"].items()))
        lines.append(f"| {threads} | {f['flops_per_ns']:.0f} GFLOP/s | {copies} | {f['allocation_ns']:.0f} ns |")
    return "\n".join(lines) + "\n"


def write(result, text, folder):
    (folder / "comparison.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / "comparison.md").write_text(text)
