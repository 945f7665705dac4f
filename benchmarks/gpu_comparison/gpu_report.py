"""The results of benchmarks/gpu as Markdown and JSON, and what each row is to reach."""
import json
import re
from statistics import median

from gpu_measuring import copy_size, products_of
from report import spread_text, time_text

# The first pattern that matches counts. ns: at most so many nanoseconds; floor: at most so many times the floor;
# launch: at most so many nanoseconds more than a launch; over: at most so many more than another row.
AIMS = [
    (r"two_layers/captured$", {"ns": 10e3}),
    (r"two_layers/eager$", {"ns": 30e3}),
    (r"large_mlp/", {"floor": 1.05}),
    (r"memory/layer_norm_backward/", {"floor": 1 / 0.8}),
    (r"memory/", {"floor": 1 / 0.95}),
    (r"host/(.*)_recorded$", {"over": (r"host/\1", 200)}),
    (r"host/", {"launch": 500}),
]
GROUPS = {"two_layers": "Two-layer MLP, 64×1000-100-10, float32, SGD", "large_mlp": "MLP of three layers of 4096, batch 8192",
          "memory": "Memory, 256 MiB a tensor", "host": "Host, a small operation"}
WAYS = ("eager", "fused", "graph", "compile")


def read(file):
    return json.loads(file.read_text())


def write(result, text, json_file, markdown_file):
    for file, content in ((json_file, json.dumps(result, indent=1) + "\n"), (markdown_file, text)):
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)


def _tolerance(name):
    """By how much sums may differ, in parts of the sum of magnitudes; the weighted one, whose weights go to 3, by three
    times as much. Training amplifies rounding; bfloat16 has 8 bits,
    TF32 has 11."""
    if "bfloat16" in name:
        return 1e-2
    if "tf32" in name:
        return 2e-3
    return 1e-3 if name.startswith("two_layers/") else 2e-5


def _same(name, a, b):
    slack = _tolerance(name) * max(a[2], b[2]) + 1e-30
    return a[3] == b[3] and all(abs(x - y) <= times * slack for x, y, times in zip(a[:3], b[:3], (1, 3, 1)))


def differing(result):
    lines = []
    for name, row in result["rows"].items():
        ours = row["ember"].get("checksum")
        for way, theirs in row["torch"].items():
            other = theirs.get("checksum")
            if ours and other and not _same(name, ours, other):
                lines.append(f"results differ: {name}: Ember {ours}; PyTorch, {way}: {other}")
    return lines


def failed(result):
    lines = [f"{name}: Ember: {row['ember']['error']}" for name, row in result["rows"].items() if "error" in row["ember"]]
    lines += [f"{name}: PyTorch, {way}: {theirs['error']}" for name, row in result["rows"].items()
              for way, theirs in row["torch"].items() if "error" in theirs]
    lines += [f"floor {name}: {f}" for name, f in result["floors"].items() if isinstance(f, str)]
    return lines


def floor_of(name, work, floors):
    """Nanoseconds: the products by cuBLASLt one after the other (results from before that was measured: the sum of each
    alone) and the bytes at the rate of a copy; of a row of the host, a launch. None where they were not measured."""
    def ns(floor):
        found = floors.get(floor)
        return median(found) if found and not isinstance(found, str) else None

    if name.startswith("host/"):
        return ns("launch")
    size = copy_size(work)
    together = ns(products_of(work)) if work["products"] else None
    parts = [(together, 1)] if together else [(ns(f"product {p}"), times) for p, times in work["products"]]
    parts.append((ns(f"copy {size}"), work["bytes"] / (2 * size)))
    if any(part is None for part, _ in parts):
        return None
    return sum(part * times for part, times in parts)


def aim_of(name):
    for pattern, aim in AIMS:
        if re.match(pattern, name):
            if "over" in aim:
                other, more = aim["over"]
                return {"over": (re.sub(pattern, other, name), more)}
            return aim
    return {}


def evaluate(name, result):
    """A row's figures; None where a side has none."""
    row = result["rows"][name]
    ours = median(row["ember"]["ns"]) if row["ember"].get("ns") else None
    theirs = {way: median(t["ns"]) for way, t in row["torch"].items() if t.get("ns")}
    floor = floor_of(name, row["work"], result["floors"])
    aim, reached = aim_of(name), None
    if ours is not None:
        if "ns" in aim:
            reached = ours <= aim["ns"]
        elif floor is not None and "floor" in aim:
            reached = ours <= aim["floor"] * floor
        elif floor is not None and "launch" in aim:
            reached = ours - floor <= aim["launch"]
        elif "over" in aim:
            other = result["rows"].get(aim["over"][0], {}).get("ember", {}).get("ns")
            reached = None if not other else ours - median(other) <= aim["over"][1]
    best = min(theirs.values()) if theirs else None
    return {"ours": ours, "theirs": theirs, "ratio": best / ours if best and ours else None, "floor": floor, "aim": aim,
            "reached": reached}


def _aim_text(aim):
    if "ns" in aim:
        return "≤ " + time_text(aim["ns"])
    if "floor" in aim:
        return f"≤ {aim['floor']:.2f} floors"
    if "launch" in aim:
        return f"launch + {time_text(aim['launch'])}"
    if "over" in aim:
        return f"{aim['over'][0].split('/', 1)[1]} + {time_text(aim['over'][1])}"
    return ""


def _side_text(side):
    if side.get("ns"):
        return spread_text(side["ns"])
    return "failed" if "error" in side else ""


def _row_line(name, result, ways):
    row, e = result["rows"][name], evaluate(name, result)
    host = name.startswith("host/")
    if e["floor"] is None or e["ours"] is None:
        floor = ["", ""]
    else:
        more = e["ours"] - e["floor"]
        over = f"{e['ours'] / e['floor']:.2f}" if not host else time_text(more) if more > 0 else f"−{time_text(-more)}"
        floor = [time_text(e["floor"]), over]
    aim = _aim_text(e["aim"])
    if aim and e["reached"] is not None:
        aim += ": reached" if e["reached"] else ": **missed**"
    cells = [name.split("/", 1)[1], _side_text(row["ember"])]
    cells += [_side_text(row["torch"].get(way, {})) for way in ways]
    cells += [f"{e['ratio']:.2f}" if e["ratio"] else "", *floor, aim]
    return "| " + " | ".join(cells) + " |"


def _heading(result):
    m = result["machine"]
    d, t = m["device"], m.get("torch")
    device = d["name"]
    if "cuda" in d:
        device += (f" (compute capability {d['capability']}, {d['multiprocessors']} multiprocessors, "
                   f"{d['memory'] / 2**30:.0f} GiB), driver {m['driver'] or 'unknown'} for CUDA {d['driver_cuda']}, "
                   f"CUDA {d['cuda']}, cuBLASLt {d['cublaslt']}")
    torch = f"PyTorch {t['torch']} with CUDA {t['torch_cuda']}" if t else "no PyTorch"
    return (f"{m['date']}; {device}; {m['cpu']}, {m['cores']} cores; Ember at commit {m['commit']}, {torch}. "
            f"`{result['command']}`: {result['repeats']} samples of {result['sample_ms']:g} ms in turns, "
            f"{result.get('seconds', '?')} s." + (" Tiny sizes: the times mean nothing." if m.get("tiny") else ""))


def markdown(result):
    lines = [
        "# Ember and PyTorch side by side, GPU", "", _heading(result), "",
        "Times are medians of the samples (least–greatest). Ratio: the time of PyTorch's fastest way over Ember's. Floor: the "
        "products by cuBLASLt alone, one after the other, by the best of the algorithms that it proposes, and every other "
        "byte that has to move at the rate of a copy within the device. “Over” is Ember's time over the floor as a quotient; for the host, "
        "whose floor is the launch of an empty kernel, it is the difference. PyTorch is called from Python, so that its rows of the "
        "host have Python in them. *eager*, *graph* (the whole step as one CUDA graph), *compile* (torch.compile) and *fused* (AdamW) "
        "are ways of PyTorch. The large MLP of Ember's is trained with cuda::set_benchmark(true), which measures the kernels that "
        "cuBLASLt proposes for each product once.", ""]
    reached = total = 0
    for group, title in GROUPS.items():
        names = [name for name in result["rows"] if name.split("/")[0] == group]
        names = [n for n in names if result["rows"][n]["ember"] or result["rows"][n]["torch"]]
        if not names:
            continue
        ways = [w for w in WAYS if any(w in result["rows"][n]["torch"] for n in names)]
        lines += [f"## {title}", "", "| | Ember | " + "".join(f"PyTorch {w} | " for w in ways) + "ratio | floor | over | aim |",
                  "|---" * (6 + len(ways)) + "|"]
        for name in names:
            lines.append(_row_line(name, result, ways))
            outcome = evaluate(name, result)["reached"]
            total += outcome is not None
            reached += outcome is True
        lines.append("")
    lines += [f"{reached} of {total} rows that could be judged reach their aim.", ""]
    lines += _floor_lines(result["floors"])
    for title, items in (("Left out when the time was over", result["left_out"]), ("Failed", failed(result)),
                         ("Differing", differing(result))):
        if items:
            lines += [f"## {title}", "", *[f"- {item}" for item in items], ""]
    return "\n".join(lines)


def _floor_lines(floors):
    lines = []
    for name, samples in floors.items():
        if isinstance(samples, str):
            continue
        what, *rest = name.split()
        rate = ""
        if what == "copy":
            rate = f"{2 * int(rest[0]) / median(samples):.0f} GB/s read and written"
        elif what == "product":
            dtype, m, n, k, ta, tb = rest
            rate = f"{2 * int(m) * int(n) * int(k) / median(samples) / 1000:.0f} TFLOP/s"
            name = f"{dtype} {m}×{k}{'ᵀ' * int(ta)} · {k}×{n}{'ᵀ' * int(tb)}"
        elif what == "products":
            each = [rest[i:i + 7] for i in range(0, len(rest), 7)]
            flops = sum(2 * int(m) * int(n) * int(k) * int(times) for _, m, n, k, _, _, times in each)
            rate = f"{flops / median(samples) / 1000:.0f} TFLOP/s"
            count = sum(int(product[-1]) for product in each)
            name = f"{count} products of {each[0][0]}, the first {each[0][1]}×{each[0][3]} · {each[0][3]}×{each[0][2]}, one after the other"
        lines.append(f"| {name} | {spread_text(samples)} | {rate} |")
    return ["## Floors", "", "| | time | rate |", "|---|---|---|", *lines, ""] if lines else []
