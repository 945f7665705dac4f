#!/usr/bin/env python3
"""The names that compat/ gives to torch::, at:: and c10::, from Ember's public headers.

    compat_names.py [ROOT]           fails if compat/torch/detail/*.inc are not what the headers declare
    compat_names.py --write [ROOT]   writes them

A list per namespace of Ember, of using-declarations. They are that, and not a using-directive, because a program
that says `using namespace torch` has to find one `nn`, not torch's and Ember's.
"""
import collections
import pathlib
import re
import sys

FOLDERS = ["core", "autograd", "autograd/functions", "nn", "optim"]
# What is for the library itself, and what compat/ declares in its own way.
LEFT_OUT_HEADERS = {"core/allocation_failure.h", "core/backend.h", "core/capture.h", "core/functors.h",
                    "core/graph_backend.h", "core/host_numbers.h", "core/index_math.h", "core/kernels.h",
                    "core/launch.h", "core/macros.h", "core/optimizer_step.h", "core/params.h", "core/philox.h",
                    "core/pool.h", "core/product_kernels.h", "core/profiler.h", "core/sequence_nr.h",
                    "core/tensor_impl.h", "core/tensor_iterator.h", "nn/forward_range.h",
                    "core/ember.h", "core/cuda_blas.h", "autograd/autograd_meta.h", "autograd/engine.h", "autograd/record.h",
                    "autograd/saved_tensor.h"}
LEFT_OUT_NAMES = {
    "ember": set("""DimMask Dims DtypeSet FreeFn GeneratorState LogLevel Mt19937 RefCounted StringLike broadcast_shapes bump_version
        checked_numel compute_t contiguous_strides describe dtype_name dtype_of dtype_of_v is_contiguous is_expandable_to
        is_floating is_floating_v is_non_overlapping_and_dense kMaxDims kNumDeviceTypes log_enabled log_message
        set_log_level PtrTraits BlobDeleter SortKeyOf TwoByteFloat dense_strides_like sort_key sort_key_t native_tensor
        to_dot to_string view_extent wrap_dim tensor""".split()),
    "ember::autograd": {"describe_origin", "gradient_edge", "recording_enabled", "set_history", "FunctionNode", "FunctionNodeOf", "SavedTensorScope"},
}
LEFT_OUT_NAMESPACES = re.compile(r"(^|::)(detail|functors|ops|cpu|function_detail|internal)($|::)|_detail$")

KEYWORDS = {"return", "if", "for", "while", "switch", "sizeof", "static_assert", "requires", "decltype", "namespace",
            "template", "using", "friend", "public", "private", "protected", "case", "default", "else", "do", "noexcept"}


def declared(text):
    """(namespace, name) of every declaration at namespace level: those that clang-format leaves in column 0."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"#[^\n]*(\\\n[^\n]*)*", "", text)  # macros and their continuation lines
    text = re.sub(r'"(\\.|[^"\\\n])*"', '""', text)
    stack = []  # of the open namespaces: their names, and how deep in braces they are
    depth = 0
    for line in text.split("\n"):
        opened = re.match(r"(?:inline )?namespace ([\w:]+) \{", line)
        if opened:
            stack.append((opened[1].split("::"), depth))
        depth += line.count("{") - line.count("}")
        while stack and depth <= stack[-1][1]:
            stack.pop()
        if opened or not line or line[0] in " \t}":
            continue
        namespace = "::".join(part for parts, _ in stack for part in parts)
        line = re.sub(r"^template <.*?> (?=struct|class|using|inline|constexpr)", "", line)
        module = re.match(r"EMBER_MODULE\((\w+)\)", line)
        if module:
            yield namespace, module[1]
            continue
        tag = re.match(r"EMBER_ENUM\((\w+)\)", line)
        if tag:
            yield namespace, tag[1]
            yield namespace + "::enumtype", tag[1]
            continue
        named = re.match(r"(?:class|struct|enum class|enum|union|concept)\s+(?:\[\[[^\]]*\]\]\s*)?(\w+)", line)
        alias = re.match(r"using (\w+)\s*=", line) or re.match(r"using (?:\w+::)+(\w+);", line)
        variable = re.match(r"(?:inline |extern |static )*(?:constexpr |const |constinit )+[\w:<>, *&]*?\b(\w+)\s*(?:=|\{)", line)
        function = re.match(r"(?!using|typedef|template|class |struct |static_assert)[\w:<>,&*\[\]\s]*?(?<=[\s&*])(\w+)\(", line)
        if named:
            yield namespace, named[1]
        elif alias:
            yield namespace, alias[1]
        elif variable and "(" not in line.split(variable[1])[0]:
            yield namespace, variable[1]
            for more in re.findall(r", (k\w+) = ", line):
                yield namespace, more
        elif function and function[1] not in KEYWORDS and not function[1].startswith("EMBER_"):
            if "operator" not in line.split("(")[0] and " " in line.split("(")[0]:
                yield namespace, function[1]


def lists(root):
    names = collections.defaultdict(set)
    for folder in FOLDERS:
        for header in sorted((root / folder).glob("*.h")):
            if str(header.relative_to(root)) in LEFT_OUT_HEADERS:
                continue
            for namespace, name in declared(header.read_text()):
                if not namespace.startswith("ember") or LEFT_OUT_NAMESPACES.search(namespace):
                    continue
                if name.startswith("__") or name in LEFT_OUT_NAMES.get(namespace, ()):
                    continue
                names[namespace].add(name)
    out = {}
    for namespace, members in sorted(names.items()):
        file = namespace.replace("::", "_") + ".inc"
        lines = [f"// Names of {namespace}, written by cmake/compat_names.py.\n"]
        lines += [f"using {namespace}::{name};\n" for name in sorted(members)]
        out[file] = "".join(lines)
    return out


def main():
    arguments = [a for a in sys.argv[1:] if a != "--write"]
    root = pathlib.Path(arguments[0] if arguments else ".").resolve()
    folder = root / "compat/torch/detail"
    expected = lists(root)
    if "--write" in sys.argv:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.inc"):
            old.unlink()
        for file, text in expected.items():
            (folder / file).write_text(text)
        return 0
    found = {p.name: p.read_text() for p in folder.glob("*.inc")}
    bad = sorted(set(expected) ^ set(found)) + [f for f in expected if f in found and expected[f] != found[f]]
    for file in bad:
        print(f"compat/torch/detail/{file} is not what the headers declare; run cmake/compat_names.py --write")
    if not bad:
        print("compat/ has every public name")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
