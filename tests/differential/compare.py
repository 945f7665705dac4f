#!/usr/bin/env python3
"""Compares two outputs of the differential driver and writes the summary.

    compare.py EMBER LIBTORCH [--known known.txt] [--summary FILE] [--show N] [--only PART]

known.txt has a line per explained difference: CASE-PATTERN <tab> KIND-PATTERN <tab> EXPLANATION (regular expressions;
kinds: status, results, dtype, sizes, strides, grad flag, values, gradients)."""
import argparse
import collections
import math
import re
import sys

# Relative and absolute tolerance by dtype: the two sides may round differently, by a few units in the last place.
TOLERANCE = {"Double": (1e-10, 1e-11), "Float": (2e-5, 2e-6), "Half": (4e-3, 2e-3), "BFloat16": (3e-2, 2e-2)}
ORDER = ["Double", "Float", "Half", "BFloat16"]
RESULT = re.compile(r"(grad )?(\w+) sizes=(\[[^\]]*\]) strides=(\[[^\]]*\]) grad=(\w+) \[([^\]]*)\]")


def strides_differ(sizes, a, b):
    """Strides of dimensions with one element, and of tensors with none, address nothing and are not compared."""
    sizes, a, b = (re.findall(r"-?\d+", text) for text in (sizes, a, b))
    return "0" not in sizes and any(p != q for n, p, q in zip(sizes, a, b) if n != "1")


def coarsest(text):
    """The floating dtype of the least precision among those that a call has to do with."""
    return max((t for t in ORDER if re.search(rf"\b{t}\b", text)), key=ORDER.index, default=None)


def values_differ(dtype, coarse, a, b):
    if a == b:
        return False
    x, y = a.split(), b.split()
    if len(x) != len(y):
        return True
    relative, absolute = TOLERANCE[coarse] if dtype in TOLERANCE else (0, 0)
    for p, q in zip(x, y):
        if p == q:
            continue
        p, q = float(p), float(q)
        if math.isnan(p) and math.isnan(q):
            continue
        if math.isnan(p) != math.isnan(q) or math.isinf(p) or math.isinf(q):
            return True
        if abs(p - q) > absolute + relative * max(abs(p), abs(q)):
            return True
    return False


def difference(arguments, a, b):
    """The kind of the first difference between the results of two trials, or None."""
    coarse = coarsest(" ".join([arguments, *b])) or "Double"
    if "Float" not in coarse and coarse == "Double" and not re.search(r"\bDouble\[", arguments):
        coarse = "Float"  # computed from integers in the default dtype, whatever it was written to
    if a[0].split()[0] != b[0].split()[0]:
        return "status"
    if a[0] == "refused":
        return None
    if ("gradient refused" in a) != ("gradient refused" in b):
        return "gradients"
    if len(a) != len(b):
        return "results"
    kinds = []
    for x, y in zip(a[1:], b[1:]):
        x, y = x.strip(), y.strip()
        if x == y:
            continue
        p, q = RESULT.fullmatch(x), RESULT.fullmatch(y)
        if not p or not q:
            kinds.append("gradients" if x.startswith("grad") or y.startswith("grad") else "results")
            continue
        gradient = "gradients" if p[1] else None
        if p[2] != q[2]:
            kinds.append(gradient or "dtype")
        elif p[3] != q[3]:
            kinds.append(gradient or "sizes")
        elif values_differ(p[2], coarse, p[6], q[6]):
            kinds.append(gradient or "values")
        elif not gradient and p[5] != q[5]:
            kinds.append("grad flag")
        elif not gradient and strides_differ(p[3], p[4], q[4]):
            kinds.append("strides")
    for kind in ("dtype", "sizes", "values", "results", "grad flag", "gradients", "strides"):
        if kind in kinds:
            return kind
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ember")
    parser.add_argument("libtorch")
    parser.add_argument("--known")
    parser.add_argument("--summary")
    parser.add_argument("--title", help="the first line of the summary")
    parser.add_argument("--only", default="")
    parser.add_argument("--show", type=int, default=3)
    arguments = parser.parse_args()
    known = []
    if arguments.known:
        for line in open(arguments.known):
            if line.strip() and not line.startswith("#"):
                known.append(line.rstrip("\n").split("\t"))

    trials = collections.Counter()
    refused = collections.Counter()
    explained = collections.Counter()
    unexplained = collections.Counter()
    shown = collections.Counter()
    crashed = 0
    with open(arguments.ember) as e, open(arguments.libtorch) as t:
        for a, b in zip(e, t):
            a, b = a.rstrip("\n").split("\t"), b.rstrip("\n").split("\t")
            if a[0] != b[0] or a[1] != b[1]:
                sys.exit(f"the two files are not of the same calls: {a[0]} {a[1]} against {b[0]} {b[1]}")
            case = a[0].split("#")[0]
            if arguments.only not in case:
                continue
            trials[case] += 1
            refused[case] += b[2] == "refused"
            if b[2] == "crashed" and a[2] != "crashed":
                crashed += 1
                continue
            kind = difference(a[1], a[2:], b[2:])
            if kind is None:
                continue
            for pattern, kinds, why in known:
                if re.fullmatch(pattern, case) and re.fullmatch(kinds, kind):
                    explained[(why, case, kind)] += 1
                    break
            else:
                unexplained[(case, kind)] += 1
                if shown[(case, kind)] < arguments.show:
                    shown[(case, kind)] += 1
                    print(f"{a[0]} ({kind}){a[1]}\n  ember    {' | '.join(a[2:])[:700]}\n  libtorch {' | '.join(b[2:])[:700]}")
    total = sum(trials.values())
    lines = [arguments.title] if arguments.title else []
    lines += [f"{len(trials)} cases, {total} calls, of which LibTorch refuses {sum(refused.values())} "
              f"and crashes in {crashed}.",
              f"The same in {total - sum(explained.values()) - sum(unexplained.values())}; explained differences "
              f"{sum(explained.values())}; unexplained {sum(unexplained.values())}."]
    for (why, case, kind), n in sorted(explained.items()):
        lines.append(f"- {case}, {kind}: {n}. {why}")
    for (case, kind), n in sorted(unexplained.items()):
        lines.append(f"- UNEXPLAINED {case}, {kind}: {n} of {trials[case]}")
    print("\n".join(lines))
    if arguments.summary:
        with open(arguments.summary, "w") as out:
            out.write("\n".join(lines) + "\n")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
