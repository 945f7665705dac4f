"""PyTorch's side of benchmarks/gpu: the rows of ember_gpu on PyTorch, each in one or several ways. Commands come on
standard input, and a JSON object answers each: "list", "info", "open ROW WAY", "sample ROW WAY", "close ROW WAY"."""
import argparse
import json
import math
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

CHAIN = 256
COLUMNS = 1024
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Settings:
    def __init__(self, device, tiny, sample_ms):
        self.device, self.tiny, self.sample_ms = torch.device(device), tiny, sample_ms
        self.cuda = self.device.type == "cuda"

    def synchronize(self):
        if self.cuda:
            torch.cuda.synchronize()


@torch.no_grad()
def normal(s, seed, rows, columns, dtype=torch.float32):
    drawn = min(rows, max(1, (1 << 20) // columns))
    torch.manual_seed(seed)
    block = torch.randn(drawn, columns).to(s.device).to(dtype)
    return block if drawn == rows else block.repeat((rows + drawn - 1) // drawn, 1).narrow(0, 0, rows)


def classes(s, seed, rows, n):
    torch.manual_seed(seed)
    return torch.randint(n, (rows,)).to(s.device)


# ---- training steps ----

class Net(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


class Training:
    def __init__(self, s, batch, sizes, make_optimizer, classify, dtype, capturable=False):
        torch.manual_seed(0)
        self.net = Net(sizes).to(device=s.device, dtype=dtype)
        self.optimizer = make_optimizer(self.net.parameters(), capturable)
        self.loss = F.cross_entropy if classify else F.mse_loss
        self.x = normal(s, 1, batch, sizes[0], dtype)
        self.y = classes(s, 2, batch, sizes[-1]) if classify else normal(s, 2, batch, sizes[-1], dtype)

    def forward(self):
        return self.loss(self.net(self.x), self.y)

    def step(self):
        self.optimizer.zero_grad()
        loss = self.forward()
        loss.backward()
        self.optimizer.step()
        return loss.detach()


def captured(training):
    """The whole step as one CUDA graph, after three steps that are not: a function for all of them."""
    side, graph = torch.cuda.Stream(), torch.cuda.CUDAGraph()
    state = {"steps": 0, "loss": None}

    def step():
        state["steps"] += 1
        if state["steps"] <= 3:
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                loss = training.step()
            torch.cuda.current_stream().wait_stream(side)
            return loss
        if state["loss"] is None:
            training.optimizer.zero_grad()
            with torch.cuda.graph(graph):
                state["loss"] = training.step()
        graph.replay()
        return state["loss"]

    return step


def compiled(training, mode):
    forward = torch.compile(training.forward, mode=mode, dynamic=False)

    def step():
        if mode == "reduce-overhead":
            torch.compiler.cudagraph_mark_step_begin()
        training.optimizer.zero_grad()
        loss = forward()
        loss.backward()
        training.optimizer.step()
        return loss.detach()

    return step


def sgd(lr):
    return lambda parameters, capturable: torch.optim.SGD(parameters, lr=lr)


def adamw(lr):
    return lambda parameters, capturable: torch.optim.AdamW(parameters, lr=lr, capturable=capturable)


def with_tf32(on, call):
    def run():
        torch.backends.cuda.matmul.allow_tf32 = on
        result = call()
        torch.backends.cuda.matmul.allow_tf32 = False
        return result
    return run


def two_layers_by_hand(s):
    x, y = normal(s, 1, 64, 1000), normal(s, 2, 64, 10)
    w1, w2 = normal(s, 3, 1000, 100).requires_grad_(), normal(s, 4, 100, 10).requires_grad_()

    def step():
        loss = (x.mm(w1).clamp(0).mm(w2) - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            for w in (w1, w2):
                w -= 1e-6 * w.grad
                w.grad.zero_()
        return loss.detach()

    return step


def ways_of_training(s, make, mode, tf32=False):
    """make(capturable) gives a Training."""
    ways = {"eager": lambda: with_tf32(tf32, make(False).step)}
    if s.cuda:
        ways["graph"] = lambda: with_tf32(tf32, captured(make(True)))
    ways["compile"] = lambda: with_tf32(tf32, compiled(make(False), mode))
    return ways


def rows_of_mlps(s):
    def two_layers(capturable):
        return Training(s, 64, [1000, 100, 10], sgd(0.01), False, torch.float32, capturable)

    ways = ways_of_training(s, two_layers, "reduce-overhead" if s.cuda else None)
    rows = {"two_layers/eager": {"eager": ways.pop("eager")}, "two_layers/captured": ways,
            "two_layers/by_hand": {"eager": lambda: two_layers_by_hand(s)}}
    batch, width = (8, 16) if s.tiny else (8192, 4096)
    for dtype in ("bfloat16", "tf32"):
        for name, optimizer in (("sgd", sgd(0.01)), ("adamw", adamw(1e-3))):
            def make(capturable, dtype=dtype, optimizer=optimizer):
                return Training(s, batch, [width] * 4, optimizer, True, DTYPES.get(dtype, torch.float32), capturable)
            rows[f"large_mlp/{dtype}/{name}"] = ways_of_training(s, make, None, tf32=dtype == "tf32")
    return rows


# ---- memory ----

def forward_ways(s, f, make):
    """f of what make() gives, nothing recorded."""
    def ready(function):
        operands = make()

        def call():
            with torch.no_grad():
                return function(*operands)
        return call

    return {"eager": lambda: ready(f), "compile": lambda: ready(torch.compile(f, dynamic=False))}


def backward_ways(s, f, make, y_like):
    """The backward of f(x, …) alone, of one recorded result again and again."""
    def ready():
        operands = [t.requires_grad_() if t.is_floating_point() else t for t in make()]
        y = f(*operands)
        g = torch.ones_like(y) if y.dim() == 0 else y_like()
        inputs = [t for t in operands if t.requires_grad]
        return lambda: torch.autograd.grad(y, inputs, g, retain_graph=True)[0]

    return {"eager": ready}


def adamw_ways(s):
    def ready(fused):
        count, side = (4, 8) if s.tiny else (64, 1024)
        parameters = []
        for _ in range(count):
            p = normal(s, 1, side, side).requires_grad_()
            p.grad = normal(s, 2, side, side) * 0.01
            parameters.append(p)
        optimizer = torch.optim.AdamW(parameters, lr=1e-3, fused=fused)

        def call():
            optimizer.step()
            return parameters[1].detach()
        return call

    return {"eager": lambda: ready(None), "fused": lambda: ready(True)}


def rows_of_memory(s):
    rows = {}
    for name, dtype in DTYPES.items():
        n = 16 if s.tiny else (256 << 20) // dtype.itemsize // COLUMNS

        def a(seed=1, dtype=dtype, n=n):
            return normal(s, seed, n, COLUMNS, dtype)

        def norm_operands(a=a, dtype=dtype):
            return [a()] + [normal(s, seed, 1, COLUMNS, dtype).reshape(COLUMNS) for seed in (3, 4)]

        def classified(a=a, n=n):
            return [a(), classes(s, 5, n, COLUMNS)]

        def softmax(x):
            return x.softmax(1)

        def layer_norm(x, weight, bias):
            return F.layer_norm(x, [COLUMNS], weight, bias)

        def add(f, make, what, backward=True, a=a, name=name):
            rows[f"memory/{what}/{name}"] = forward_ways(s, f, make)
            if backward:
                rows[f"memory/{what}_backward/{name}"] = backward_ways(s, f, make, lambda: a(2))

        add(torch.add, lambda a=a: [a(), a(2)], "add", False)
        add(torch.exp, lambda a=a: [a()], "exp", False)
        add(softmax, lambda a=a: [a()], "softmax")
        add(layer_norm, norm_operands, "layer_norm")
        add(F.cross_entropy, classified, "cross_entropy")
    rows["memory/adamw/float32"] = adamw_ways(s)
    return rows


# ---- the host ----

def rows_of_host(s):
    def chain(recorded, f):
        def ready():
            x, b = normal(s, 1, 64, 100).requires_grad_(recorded), normal(s, 2, 64, 100)

            def call():
                with torch.set_grad_enabled(recorded):
                    y = x
                    for _ in range(CHAIN):
                        y = f(y, b)
                    return y
            call.host = True
            return call
        return {"eager": ready}

    def add(y, b):
        return y + b

    def relu(y, b):
        return torch.relu(y)

    return {"host/add": chain(False, add), "host/add_recorded": chain(True, add), "host/relu": chain(False, relu),
            "host/relu_recorded": chain(True, relu), "host/add_in_place": chain(False, lambda y, b: y.add_(b))}


# ---- sampling ----

def checksum(result):
    flat = result.detach().reshape(-1)
    step = flat.numel() // 65536 | 1
    values = flat[::step].contiguous().cpu().double()
    finite = torch.isfinite(values)
    weights = (torch.arange(values.numel()) % 7 - 3).double()
    values, weights = values[finite], weights[finite]
    return [values.sum().item(), (values * weights).sum().item(), values.abs().sum().item(), (~finite).sum().item()]


class Opened:
    def __init__(self, s, make):
        self.s, self.call, self.calls = s, make(), 1
        for _ in range(9):
            self.call()
        self.checksum = checksum(self.call())
        self.host = getattr(self.call, "host", False)
        if self.host:
            return
        target = s.sample_ms * 1e6
        elapsed = self.run(self.calls)
        while elapsed < target / 8 and self.calls < 1 << 20:
            self.calls *= 4
            elapsed = self.run(self.calls)
        self.calls = max(10 if s.device.type == "cuda" else 1, min(1 << 20, round(target * self.calls / max(elapsed, 1.0))))

    def sample(self):
        if self.host:
            return self.host_sample()
        self.call()
        return self.run(self.calls) / self.calls

    def run(self, calls):
        self.s.synchronize()
        if not self.s.cuda:
            start = time.perf_counter_ns()
            for _ in range(calls):
                self.call()
            return time.perf_counter_ns() - start
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(calls):
            self.call()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) * 1e6

    def host_sample(self):
        bursts, start = [], time.perf_counter_ns()
        while len(bursts) < 5 or time.perf_counter_ns() - start < self.s.sample_ms * 1e6:
            self.s.synchronize()
            begin = time.perf_counter_ns()
            result = self.call()
            bursts.append((time.perf_counter_ns() - begin) / CHAIN)
            del result
        return sorted(bursts)[len(bursts) // 2]


class Server:
    def __init__(self, s):
        self.s, self.opened = s, {}
        self.rows = {**rows_of_mlps(s), **rows_of_memory(s), **rows_of_host(s)}

    def answer(self, command, *names):
        if command == "list":
            return {"rows": {name: list(ways) for name, ways in self.rows.items()}}
        if command == "info":
            return {"torch": torch.__version__, "torch_cuda": torch.version.cuda,
                    "name": torch.cuda.get_device_name() if self.s.cuda else "CPU"}
        if command == "open":
            row, way = names
            self.opened[names] = Opened(self.s, self.rows[row][way])
            return {"checksum": self.opened[names].checksum}
        if command == "sample":
            return {"ns": self.opened[names].sample()}
        if command == "close":
            self.opened.pop(names, None)
            torch._dynamo.reset()
            if self.s.cuda:
                torch.cuda.synchronize()
                torch.cuda.empty_cache()
            return {}
        raise ValueError(f"unknown command {command}")


def json_number(x):
    return None if isinstance(x, float) and not math.isfinite(x) else x


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help="as it always does")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--sample-ms", type=float, default=20)
    arguments = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    out, sys.stdout = sys.stdout, sys.stderr  # what others print is no answer
    server = Server(Settings(arguments.device, arguments.tiny, arguments.sample_ms))
    for line in sys.stdin:
        try:
            answer = server.answer(*line.split())
        except Exception as error:  # an answer too
            answer = {"error": f"{type(error).__name__}: {str(error)[:500]}"}
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main()
