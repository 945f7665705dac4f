#!/usr/bin/env python3
"""Checks who includes whom.

    check_layering.py [ROOT]       prints each include that breaks a rule; fails if there is one
    check_layering.py --self-test  breaks every rule in a scratch tree and checks that it is seen
"""

import pathlib
import re
import sys
import tempfile

# What a folder may include of Ember, beside itself.
LAYERS = {
    "core": set(),
    "cpu": {"core"},
    "cuda": {"core"},
    "autograd": {"core"},
    "nn": {"autograd", "core"},
    "optim": {"nn", "autograd", "core"},
    "compat": {"core", "autograd", "nn", "optim"},
    "benchmarks": {"core", "autograd", "nn", "optim"},
}
# Measure what the machine can do at best, without Ember.
WITHOUT_EMBER = {pathlib.Path("benchmarks/comparison/floor.cpp"),
                 pathlib.Path("benchmarks/gpu_comparison/floors.cu")}
FOLDERS = set(LAYERS) - {"benchmarks", "compat"}
# The umbrella <ember/ember.h> sits above every layer, and is for programs.
UMBRELLA = "ember.h"
MAY_INCLUDE_UMBRELLA = {"benchmarks", "compat"}

# Libraries that belong to some folders only. In a header of core, autograd, nn or optim, none of them.
LIBRARIES = [
    ("CUDA", re.compile(r"(cuda|cublas|cudnn|curand|cusolver|cusparse|nccl|nvml|driver_types|vector_types|cooperative_groups|nvrtc)"
                        r"\w*\.h|(cub|thrust|cuda|nvtx3|cooperative_groups|crt)/.*"), {"cuda"}),
    ("oneDNN", re.compile(r"(dnnl|oneapi/dnnl/dnnl)\w*\.(h|hpp)|oneapi/.*"), {"cpu"}),
    ("Highway", re.compile(r"hwy/.*"), {"cpu"}),
    ("spdlog", re.compile(r"(spdlog|fmt)/.*"), {"core"}),
]
PUBLIC = {"core", "autograd", "nn", "optim"}

SOURCES = {".h", ".hpp", ".def", ".cpp", ".cc", ".cu", ".cuh", ".inc"}
HEADERS = {".h", ".hpp", ".def", ".cuh", ".inc"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]')


def violations(root):
    """Yields (path, line number, include, why) for every include that breaks a rule."""
    for folder in sorted(LAYERS):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in SOURCES or not path.is_file():
                continue
            relative = path.relative_to(root)
            if relative in {pathlib.Path("core") / UMBRELLA, *WITHOUT_EMBER}:
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                match = INCLUDE.match(line)
                if match:
                    why = judge(root, folder, path, match[1] == '"', match[2])
                    if why:
                        yield relative, number, match[2], why


def judge(root, folder, path, quoted, name):
    """Why a file of `folder` may not include `name`, or None."""
    if quoted:
        target = (path.parent / name).resolve()
        if target.is_relative_to(root.resolve()) and target.exists():
            name = "ember/" + str(target.relative_to(root.resolve()))
            if name == "ember/core/" + UMBRELLA:
                name = "ember/" + UMBRELLA
    if name.startswith("ember/"):
        part = name.split("/")[1]
        if part == UMBRELLA or name == "ember/core/" + UMBRELLA:
            return None if folder in MAY_INCLUDE_UMBRELLA else "the umbrella header is for programs"
        if part == folder or part in LAYERS[folder]:
            return None
        return f"{folder}/ may include {', '.join(sorted(LAYERS[folder])) or 'nothing'} of Ember, not {part}/"
    if folder in FOLDERS and name.split("/")[0] in FOLDERS and (root / name).exists():
        return f"write <ember/{name}>"
    for library, pattern, homes in LIBRARIES:
        if pattern.fullmatch(name):
            if folder not in homes:
                return f"{library} is for {', '.join(sorted(homes))}/ only"
            if folder in PUBLIC and path.suffix in HEADERS:
                return f"{library} would show in a public header"
    return None


def check(root):
    found = list(violations(root))
    for path, number, name, why in found:
        print(f"{path}:{number}: {name}: {why}")
    if not any((root / folder).is_dir() for folder in FOLDERS):
        print(f"{root} holds none of Ember's folders")
        return 1
    if found:
        print(f"{len(found)} include(s) break the layering")
        return 1
    print("The layering holds")
    return 0


def self_test():
    # file, its include, whether the rules allow it
    cases = [
        ("cpu/a.cpp", "<ember/core/tensor.h>", True),
        ("cpu/a.cpp", "<ember/cpu/b.h>", True),
        ("cpu/a.cpp", "<oneapi/dnnl/dnnl.h>", True),
        ("cpu/a.cpp", "<hwy/highway.h>", True),
        ("cpu/a.cpp", "<ember/cuda/b.h>", False),
        ("cpu/a.cpp", '"../cuda/b.h"', False),
        ("cpu/a.cpp", '"b.h"', True),
        ("cpu/a.cpp", "<ember/autograd/functions.h>", False),
        ("cpu/a.cpp", "<ember/ember.h>", False),
        ("cpu/a.cpp", "<cuda_fp16.h>", False),
        ("cuda/a.cu", "<cuda_runtime.h>", True),
        ("cuda/a.cu", "<cub/device/device_reduce.cuh>", True),
        ("cuda/a.cu", "<ember/cpu/b.h>", False),
        ("cuda/a.cu", "<dnnl.h>", False),
        ("core/a.cpp", "<spdlog/spdlog.h>", True),
        ("core/a.h", "<spdlog/spdlog.h>", False),
        ("core/a.h", "<vector>", True),
        ("core/a.h", "<cuda_runtime_api.h>", False),
        ("core/a.h", "  <ember/cpu/b.h>", False),
        ("core/sub/a.h", "<ember/autograd/functions.h>", False),
        ("core/ember.h", "<ember/nn/nn.h>", True),
        ("autograd/a.cpp", "<ember/core/tensor.h>", True),
        ("autograd/a.cpp", "<ember/nn/nn.h>", False),
        ("autograd/ops/a.cpp", "<ember/cpu/b.h>", False),
        ("autograd/ops/a.cpp", '"../../cpu/b.h"', False),
        ("autograd/a.cpp", "<cublas_v2.h>", False),
        ("nn/a.h", "<ember/autograd/functions.h>", True),
        ("nn/a.h", "<ember/optim/optim.h>", False),
        ("nn/a.h", "<nvtx3/nvtx3.hpp>", False),
        ("optim/a.h", "<ember/nn/nn.h>", True),
        ("optim/a.h", "<ember/cuda/b.h>", False),
        ("benchmarks/mlp/a.cpp", "<ember/ember.h>", True),
        ("benchmarks/mlp/a.cpp", "<ember/cpu/b.h>", False),
        ("benchmarks/mlp/a.cpp", '"../../cuda/b.h"', False),
    ]
    failures = 0
    for file, include, allowed in cases:
        with tempfile.TemporaryDirectory() as scratch:
            root = pathlib.Path(scratch)
            for name in ["cpu/b.h", "cuda/b.h", file]:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text("")
            (root / file).write_text(f"// first\n#include {include}\n")
            found = list(violations(root))
            if bool(found) == allowed or any(number != 2 for _, number, _, _ in found):
                print(f"{file} including {include}: expected {'no violation' if allowed else 'one'}, found {found}")
                failures += 1
    print(f"{len(cases)} cases, {failures} wrong")
    return failures != 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    default = pathlib.Path(__file__).resolve().parent.parent
    sys.exit(check(pathlib.Path(sys.argv[1]) if len(sys.argv) == 2 else default))
