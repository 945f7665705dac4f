// Recorded gradients, and the gradients of these, against finite differences, for every differentiable
// row; a test per operation and device.
#include <algorithm>

#include <ember/autograd/autograd.h>
#include <ember/autograd/gradcheck.h>

#include "op_harness.h"

namespace ember::test {
namespace {

// A leaf from which `restore` makes the operation's input by recorded views, in the wanted layout.
struct Leaf {
  Tensor leaf;
  std::function<Tensor(const Tensor&)> restore;
};

Leaf leaf_for(const HostArray& values, ScalarType dtype, Device device, Layout layout, bool requires_grad) {
  const auto ready = [&](const HostArray& a) {
    const Tensor t = make(a, dtype, device);
    if (requires_grad) t.requires_grad_();
    return t;
  };
  const int64_t rank = values.dim();
  switch (layout) {
    case Layout::Contiguous: break;
    case Layout::Transposed: {
      if (rank < 2) break;
      Sizes order;
      for (int64_t d = rank; d-- > 0;) order.push_back(d);
      return {ready(permuted(values, order)), [order](const Tensor& t) { return t.permute(order); }};
    }
    case Layout::Sliced: {
      if (rank == 0 || values.numel() == 0) break;
      // Every element twice, of which the slice takes the first.
      Sizes sizes = values.sizes;
      sizes.push_back(2);
      HostArray twice = broadcast_to(reshaped(values,
                                              [&] {
                                                Sizes s = values.sizes;
                                                s.push_back(1);
                                                return s;
                                              }()),
                                     sizes);
      Sizes flat = values.sizes;
      flat.back() *= 2;
      return {ready(reshaped(twice, flat)), [](const Tensor& t) { return t.slice(-1, 0, std::nullopt, 2); }};
    }
    case Layout::Broadcast: {
      for (int64_t d = 0; d < rank; ++d) {
        if (values.sizes[static_cast<size_t>(d)] <= 1) continue;
        const Sizes sizes = values.sizes;
        return {ready(strided(values, d, 0, 1, 1)), [sizes](const Tensor& t) { return t.expand(sizes); }};
      }
      break;
    }
  }
  return {ready(values), [](const Tensor& t) { return t; }};
}

bool has_elements(const Variant& v) {
  for (const Input& i : v.inputs)
    if (count(i.sizes) == 0) return false;
  return true;
}

// Whether an operation may take its inputs with repeated elements: not where ties, or no spread, would be kinks.
bool may_repeat(const Op& op) {
  for (const char* name : {"max", "min", "max_dim", "min_dim", "amax", "amin", "std", "std_mean"})
    if (op.name == name) return false;
  return true;
}

// An Error is a failure of the case, not the end of the test.
void check_gradients(const autograd::GradcheckFunction& f, const Tensors& leaves, bool second) {
  try {
    EXPECT_TRUE(second ? autograd::gradgradcheck(f, leaves) : autograd::gradcheck(f, leaves));
  } catch (const Error& e) {
    ADD_FAILURE() << e.what_without_backtrace();
  }
}

void check_op(const Op& op, Device device, bool second) {
  EMBER_SKIP_WITHOUT(device);
  int checked = 0;
  for (const Variant& v : op.variants) {
    const std::vector<ScalarType>& dtypes = v.dtypes.value_or(op.dtypes);
    if (!v.gradient || std::find(dtypes.begin(), dtypes.end(), kFloat64) == dtypes.end()) continue;
    for (const Layout layout : kLayouts) {
      if (layout != Layout::Contiguous && (!v.layouts || !has_elements(v))) continue;
      if (layout == Layout::Broadcast && !may_repeat(op)) continue;
      SCOPED_TRACE(op.name + " (" + v.label + ") " + name_of(layout));
      Tensors leaves;
      std::vector<std::function<Tensor(const Tensor&)>> restore;
      for (size_t i = 0; i < v.inputs.size(); ++i) {
        const Input& input = v.inputs[i];
        const ScalarType dtype = dtype_of_input(input, kFloat64);
        Leaf leaf = leaf_for(draw(input, i, dtype), dtype, device, layout, input.differentiable);
        leaves.push_back(leaf.leaf);
        restore.push_back(leaf.restore);
      }
      const auto f = [&](const Tensors& t) {
        Tensors inputs;
        for (size_t i = 0; i < t.size(); ++i) inputs.push_back(restore[i](t[i]));
        return v.call(inputs);
      };
      check_gradients(f, leaves, second);
      // The in-place form has a gradient of its own; it may not write a leaf.
      if (v.in_place && result_dtype(v.result.value_or(op.result), kFloat64, 0) == kFloat64) {
        SCOPED_TRACE("in place");
        const auto g = [&](const Tensors& t) {
          Tensors inputs;
          for (size_t i = 0; i < t.size(); ++i) inputs.push_back(restore[i](t[i]));
          inputs[0] = inputs[0].clone();
          v.in_place(inputs);
          return Tensors{inputs[0]};
        };
        check_gradients(g, leaves, second);
      }
      ++checked;
    }
  }
  EXPECT_GT(checked, 0);
}

void check_not_differentiable(const Op& op, Device device) {
  EMBER_SKIP_WITHOUT(device);
  for (const Variant& v : op.variants) {
    const std::vector<ScalarType>& dtypes = v.dtypes.value_or(op.dtypes);
    if (std::find(dtypes.begin(), dtypes.end(), kFloat64) == dtypes.end()) continue;
    Tensors inputs;
    for (size_t i = 0; i < v.inputs.size(); ++i) {
      const ScalarType dtype = dtype_of_input(v.inputs[i], kFloat64);
      inputs.push_back(make(draw(v.inputs[i], i, dtype), dtype, device));
      if (dtype == kFloat64) inputs.back().requires_grad_();
    }
    for (const Tensor& r : v.call(inputs)) {
      EXPECT_FALSE(r.requires_grad()) << op.name << " (" << v.label << ")";
      EXPECT_EQ(r.grad_fn().get(), nullptr);
    }
  }
}

}  // namespace

void register_gradient_tests() {
  for (const Op& op : op_table()) {
    for (const DeviceType type : {kCPU, kCUDA}) {
      const Device device(type);
      const std::string name = op.name + (type == kCPU ? "_cpu" : "_cuda");
      if (!op.differentiable) {
        register_test("NoGradient", name, [&op, device] { check_not_differentiable(op, device); });
        continue;
      }
      register_test("Gradient", name, [&op, device] { check_op(op, device, false); });
      register_test("SecondGradient", name, [&op, device] { check_op(op, device, true); });
    }
  }
}

}  // namespace ember::test
