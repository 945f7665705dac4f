#!/usr/bin/env python3
"""Compares what two programs print: every number within a tolerance, everything else to the letter.

    compare.py A B [--relative R] [--absolute A]

A and B are text files or programs to run. Exits with 1 and the first differences if there are any."""
import argparse
import os
import re
import subprocess
import sys

NUMBER = re.compile(r"[-+]?(?:\d+\.\d*(?:[eE][-+]?\d+)?|\d+(?:[eE][-+]?\d+)?|inf|nan)")


def text_of(path):
    if os.access(path, os.X_OK):
        run = subprocess.run([path], capture_output=True, text=True, timeout=600)
        if run.returncode != 0:
            sys.exit(f"{path} ended with {run.returncode}: {run.stderr}")
        return run.stdout
    with open(path) as file:
        return file.read()


def close(a, b, relative, absolute):
    if a == b:
        return True
    x, y = float(a), float(b)
    return x == y or (x != x and y != y) or abs(x - y) <= absolute + relative * abs(y)


def line_differs(a, b, arguments):
    if NUMBER.sub("#", a).split() != NUMBER.sub("#", b).split():
        return True
    pairs = zip(NUMBER.findall(a), NUMBER.findall(b))
    return not all(close(x, y, arguments.relative, arguments.absolute) for x, y in pairs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--relative", type=float, default=1e-4)
    parser.add_argument("--absolute", type=float, default=1e-4)
    arguments = parser.parse_args()
    a, b = text_of(arguments.a).split("\n"), text_of(arguments.b).split("\n")
    bad = [(i, x, y) for i, (x, y) in enumerate(zip(a, b)) if line_differs(x, y, arguments)]
    for i, x, y in bad[:20]:
        print(f"line {i + 1}:\n  {x}\n  {y}")
    if len(a) != len(b):
        print(f"{len(a)} lines against {len(b)}")
    if bad or len(a) != len(b):
        sys.exit(1)
    print(f"{len(a)} lines agree")


if __name__ == "__main__":
    main()
