"""What of benchmarks/gpu can be tried without a GPU: its options, its table from results that are made up, and, with
EMBER_GPU_BINARY in the environment, the program itself on the CPU at tiny sizes."""
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
SCRIPT = FOLDER.parent / "gpu"


def load_script():
    loader = importlib.machinery.SourceFileLoader("gpu_script", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("gpu_script", loader))
    loader.exec_module(module)
    return module


sys.dont_write_bytecode = True
gpu = load_script()
import gpu_measuring  # noqa: E402
import gpu_report  # noqa: E402

PRODUCT = "bfloat16 8192 4096 4096 0 1"
MADE_UP = {
    "machine": {"date": "2026-01-01", "cpu": "C", "cores": 16, "commit": "abc", "driver": "580.1",
                "device": {"name": "G", "capability": "9.0", "multiprocessors": 132, "memory": 85 << 30, "cuda": "13.0",
                           "driver_cuda": "13.0", "cublaslt": 130001},
                "torch": {"torch": "2.11", "torch_cuda": "13.0", "name": "G"}},
    "command": "benchmarks/gpu", "repeats": 3, "sample_ms": 20, "seconds": 90, "left_out": ["memory/exp/float32, compiled"],
    "rows": {
        "two_layers/eager": {"work": {"bytes": 1e6, "products": []}, "ember": {"ns": [29e3, 28e3, 30e3], "checksum": [1, 2, 3, 0]},
                             "torch": {"eager": {"ns": [300e3, 310e3, 290e3], "checksum": [1.0001, 2, 3, 0]}}},
        "large_mlp/bfloat16/sgd": {"work": {"bytes": 2 * (256 << 20), "products": [[PRODUCT, 2]]},
                                   "ember": {"ns": [1.5e6], "checksum": [1, 2, 3, 0]},
                                   "torch": {"eager": {"ns": [2e6], "checksum": [1, 2, 3, 0]}, "graph": {"ns": [1.8e6], "checksum": [1, 2, 3, 0]},
                                             "compile": {"error": "RuntimeError: no compiler"}}},
        "memory/add/float32": {"work": {"bytes": 3 * (256 << 20), "products": []}, "ember": {"ns": [160e3], "checksum": [1, 2, 3, 0]},
                               "torch": {"eager": {"ns": [155e3], "checksum": [1, 2.1, 3, 0]}}},
        "memory/exp/float32": {"work": {"bytes": 2 * (256 << 20), "products": []}, "ember": {"error": "no kernel"}, "torch": {}},
        "host/add": {"work": {"bytes": 0, "products": []}, "ember": {"ns": [2400], "checksum": [1, 2, 3, 0]}, "torch": {}},
        "host/add_recorded": {"work": {"bytes": 0, "products": []}, "ember": {"ns": [2700], "checksum": [1, 2, 3, 0]}, "torch": {}},
    },
    "floors": {f"product {PRODUCT}": [400e3, 410e3, 390e3], f"copy {256 << 20}": [100e3], "launch": [2000], "copy 500000": [1e3],
               "graph_node": "not possible"},
}


class Options(unittest.TestCase):
    def test_defaults_and_quick(self):
        self.assertEqual(gpu.parse([]).budget, 100)
        quick = gpu.parse(["--quick"])
        self.assertEqual((quick.budget, quick.repeats, quick.no_compile), (40, 3, True))
        self.assertEqual(gpu.parse(["--quick", "--budget", "20"]).budget, 20)

    def test_write_names_both_files(self):
        options = gpu.parse(["--write", "/x"])
        self.assertEqual((str(options.json), str(options.markdown)), ("/x/gpu.json", "/x/gpu.md"))
        self.assertEqual(gpu.parse(["--write"]).json.parent.name, "results")

    def test_unknown_option(self):
        with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
            gpu.parse(["--nonsense"])


class Report(unittest.TestCase):
    def outcome(self, name):
        return gpu_report.evaluate(name, MADE_UP)

    def test_aims(self):
        self.assertTrue(self.outcome("two_layers/eager")["reached"])
        self.assertFalse(self.outcome("large_mlp/bfloat16/sgd")["reached"])  # floor 2·400 + 100 µs
        self.assertAlmostEqual(self.outcome("large_mlp/bfloat16/sgd")["floor"], 900e3)
        self.assertFalse(self.outcome("memory/add/float32")["reached"])  # floor 150 µs, 1 / 0.95
        self.assertTrue(self.outcome("host/add")["reached"])
        self.assertFalse(self.outcome("host/add_recorded")["reached"])
        self.assertIsNone(self.outcome("memory/exp/float32")["reached"])

    def test_products_together_are_the_floor_where_they_were_measured(self):
        name = "large_mlp/bfloat16/sgd"
        together = f"products {PRODUCT} 2"
        self.assertIn(together, gpu_measuring._floor_questions(name, MADE_UP["rows"][name]["work"]))
        result = {**MADE_UP, "floors": {**MADE_UP["floors"], together: [750e3, 760e3, 770e3]}}
        self.assertAlmostEqual(gpu_report.evaluate(name, result)["floor"], 860e3)
        self.assertIn("| 2 products of bfloat16, the first 8192×4096 · 4096×4096, one after the other | 760 µs", gpu_report.markdown(result))

    def test_ratio_is_to_the_fastest_way(self):
        self.assertAlmostEqual(self.outcome("large_mlp/bfloat16/sgd")["ratio"], 1.2)

    def test_differing_and_failed(self):
        self.assertEqual(len(gpu_report.differing(MADE_UP)), 1)
        self.assertIn("memory/add/float32", gpu_report.differing(MADE_UP)[0])
        self.assertEqual(len(gpu_report.failed(MADE_UP)), 3)

    def test_markdown(self):
        text = gpu_report.markdown(MADE_UP)
        for part in ("driver 580.1", "`benchmarks/gpu`", "2.11", "≤ 30 µs: reached", "≤ 1.05 floors: **missed**",
                     "launch + 500 ns: reached", "add + 200 ns: **missed**", "687 TFLOP/s", "5369 GB/s", "## Failed",
                     "## Left out", "2 of 5 rows"):
            self.assertIn(part, text)

    def test_from_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "gpu.json"
            file.write_text(json.dumps(MADE_UP))
            run = subprocess.run([sys.executable, SCRIPT, "--from", file, "--markdown", f"{folder}/sub/gpu.md"],
                                 capture_output=True, text=True)
            self.assertEqual(run.returncode, 1)  # a row failed
            self.assertIn("results differ", run.stderr)
            self.assertEqual(pathlib.Path(f"{folder}/sub/gpu.md").read_text(), gpu_report.markdown(MADE_UP))


class ASide(unittest.TestCase):
    def side(self, code):
        side = gpu_measuring.Side("S", [sys.executable, "-uc", code])
        self.addCleanup(side.stop)
        return side

    def test_answers_errors_and_death(self):
        side = self.side("import sys\nprint('noise')\nfor l in sys.stdin:\n  print('{\"error\": \"bad\"}' if 'e' in l else '{\"a\": 1}')\n"
                         "  if 'q' in l: sys.exit(3)")
        self.assertEqual(side.ask("x", 10), {"a": 1})
        with self.assertRaisesRegex(gpu_measuring.SideError, "bad"):
            side.ask("e", 10)
        side.ask("q", 10)
        with self.assertRaisesRegex(gpu_measuring.SideError, "ended with 3"):
            side.ask("x", 10)
        self.assertEqual(side.ask("x", 10), {"a": 1})  # started anew

    def test_silence(self):
        side = self.side("import time; time.sleep(100)")
        with self.assertRaisesRegex(gpu_measuring.SideError, "no answer"):
            side.ask("x", 0)
        self.assertIsNone(side.process)


@unittest.skipUnless(os.environ.get("EMBER_GPU_BINARY"), "EMBER_GPU_BINARY has no program")
class Program(unittest.TestCase):
    def run_binary(self, *arguments):
        return subprocess.run([os.environ["EMBER_GPU_BINARY"], "--device", "cpu", "--tiny", "--sample-ms", "1", *arguments],
                              capture_output=True, text=True)

    def test_by_itself(self):
        with tempfile.TemporaryDirectory() as folder:
            run = self.run_binary("--repeats", "2", "--json", f"{folder}/rows.json")
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            rows = json.loads(pathlib.Path(f"{folder}/rows.json").read_text())["rows"]
        self.assertIn("two_layers/eager", rows)
        for name, row in rows.items():
            self.assertEqual(len(row["ns"]), 2, name)
            self.assertEqual(row["checksum"][3], 0, name)
            self.assertTrue(gpu_report.aim_of(name) or name == "two_layers/by_hand", name)

    def test_bad_options(self):
        self.assertEqual(self.run_binary("--nonsense").returncode, 2)
        self.assertEqual(self.run_binary("--rows").returncode, 2)

    def test_under_the_script(self):
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run([sys.executable, SCRIPT, "--binary", os.environ["EMBER_GPU_BINARY"], "--device", "cpu", "--tiny",
                                  "--no-torch", "--sample-ms", "1", "--repeats", "2", "--rows", "add", "--write", folder],
                                 capture_output=True, text=True)
            self.assertEqual(run.returncode, 0, run.stderr)
            result = json.loads(pathlib.Path(f"{folder}/gpu.json").read_text())
            self.assertEqual(len(result["rows"]["memory/add/float32"]["ember"]["ns"]), 2)
            self.assertIn("Tiny sizes", pathlib.Path(f"{folder}/gpu.md").read_text())


if __name__ == "__main__":
    unittest.main()
