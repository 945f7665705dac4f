// Every operation × device × dtype × layout against the reference; a test per operation and device.
#include <cstdlib>

#include "op_harness.h"

namespace ember::test {
namespace {

// How the inputs of one call lie in memory. The last two mix them.
struct Plan {
  const char* name;
  std::vector<Layout> layouts;  // repeated over the inputs
};
const std::vector<Plan> kPlans = {{"contiguous", {Layout::Contiguous}},
                                  {"transposed", {Layout::Transposed}},
                                  {"sliced", {Layout::Sliced}},
                                  {"broadcast", {Layout::Broadcast}},
                                  {"contiguous, then transposed", {Layout::Contiguous, Layout::Transposed}},
                                  {"sliced, then broadcast", {Layout::Sliced, Layout::Broadcast, Layout::Contiguous}}};

void check_results(const Tensors& results, const Arrays& expected, Result rule, ScalarType dtype,
                   const Tolerance& tolerance) {
  ASSERT_EQ(results.size(), expected.size());
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_TRUE(matches(results[i], expected[i], result_dtype(rule, dtype, i), tolerance)) << "result " << i;
  }
}

void check_variant(const Op& op, const Variant& v, ScalarType dtype, Device device, const Plan& plan) {
  std::vector<LaidOut> laid;
  Arrays values;
  for (size_t i = 0; i < v.inputs.size(); ++i) {
    const Layout layout = plan.layouts[i % plan.layouts.size()];
    HostArray a = draw(v.inputs[i], i, dtype);
    if (layout == Layout::Broadcast) a = repeat_for_broadcast(a);
    laid.push_back(lay_out(a, dtype_of_input(v.inputs[i], dtype), device, layout));
    values.push_back(std::move(a));
  }
  Tensors inputs;
  for (const LaidOut& l : laid) inputs.push_back(l.tensor);
  const Arrays expected = v.reference(values);
  const Result rule = v.result.value_or(op.result);

  const Tensors results = v.call(inputs);
  check_results(results, expected, rule, dtype, op.tolerance);
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_TRUE(same(inputs[i], make(values[i], inputs[i].dtype()))) << "argument " << i << " was changed";
    EXPECT_EQ(inputs[i]._version(), 0) << "argument " << i << " counts a change";
  }
  for (const Tensor& r : results) {
    EXPECT_EQ(r.device(), inputs[0].device());
    if (op.view && r.numel() != 0) {
      EXPECT_TRUE(r.storage().is_alias_of(inputs[0].storage()));
      EXPECT_TRUE(r.is_view());
    }
  }
  if (v.method) check_results(v.method(inputs), expected, rule, dtype, op.tolerance);
  if (device.is_cuda()) {
    Tensors on_cpu;
    for (const Tensor& t : inputs) on_cpu.push_back(t.cpu());
    const Tensors other = v.call(on_cpu);
    for (size_t i = 0; i < other.size(); ++i) {
      EXPECT_TRUE(matches(results[i], read(other[i]), other[i].dtype(), op.tolerance)) << "CUDA and CPU differ";
    }
  }
  // In place, where the first input can hold the result.
  if (v.in_place && plan.layouts[0] != Layout::Broadcast && result_dtype(rule, dtype, 0) == inputs[0].dtype()) {
    v.in_place(inputs);
    SCOPED_TRACE("in place");
    check_results({inputs[0]}, {expected[0]}, rule, dtype, op.tolerance);
    EXPECT_TRUE(marks_intact(laid[0])) << "wrote outside of the tensor";
    EXPECT_EQ(inputs[0]._version(), 1) << "a change must count once";
    for (size_t i = 1; i < inputs.size(); ++i) {
      EXPECT_TRUE(same(inputs[i], make(values[i], inputs[i].dtype()))) << "argument " << i << " was changed";
    }
  }
}

// With EMBER_TEST_DTYPES=float32,int64 in the environment only those, and the first where there is none of them: for
// tools that make everything slow.
std::vector<ScalarType> tested(const std::vector<ScalarType>& dtypes) {
  const char* const wanted = std::getenv("EMBER_TEST_DTYPES");
  if (wanted == nullptr || *wanted == '\0') return dtypes;
  const std::string list = std::string(",") + wanted + ",";
  std::vector<ScalarType> some;
  for (const ScalarType dtype : dtypes) {
    if (list.find(std::string(",") + dtype_name(dtype) + ",") != std::string::npos) some.push_back(dtype);
  }
  if (some.empty()) some.push_back(dtypes.front());
  return some;
}

void check_op(const Op& op, Device device) {
  EMBER_SKIP_WITHOUT(device);
  for (const Variant& v : op.variants) {
    for (const ScalarType dtype : tested(v.dtypes.value_or(op.dtypes))) {
      for (const Plan& plan : kPlans) {
        const bool contiguous = plan.layouts.size() == 1 && plan.layouts[0] == Layout::Contiguous;
        if (!contiguous && (!v.layouts || (plan.layouts.size() > 1 && v.inputs.size() < 2))) continue;
        SCOPED_TRACE(op.name + " (" + v.label + ") " + dtype_name(dtype) + " " + plan.name);
        try {
          check_variant(op, v, dtype, device, plan);
        } catch (const Error& e) {
          ADD_FAILURE() << e.what_without_backtrace();
        }
      }
    }
  }
  for (const ScalarType dtype : op.refused) {
    SCOPED_TRACE(op.name + " of " + dtype_name(dtype));
    Tensors inputs;
    for (size_t i = 0; i < op.variants[0].inputs.size(); ++i) {
      const Input& input = op.variants[0].inputs[i];
      inputs.push_back(make(draw(input, i, dtype), dtype_of_input(input, dtype), device));
    }
    EXPECT_THROW(op.variants[0].call(inputs), Error);
  }
}

}  // namespace

void register_forward_tests() {
  for (const Op& op : op_table()) {
    for (const DeviceType device : {kCPU, kCUDA}) {
      const std::string name = op.name + (device == kCPU ? "_cpu" : "_cuda");
      register_test("Forward", name, [&op, device] { check_op(op, Device(device)); });
    }
  }
}

// Two rows of one name would hide each other in `ctest -R`, and a row with no cases tests nothing.
TEST(OpTable, IsWellFormed) {
  std::vector<std::string> names;
  for (const Op& op : op_table()) {
    for (const std::string& other : names) EXPECT_NE(op.name, other);
    names.push_back(op.name);
    EXPECT_FALSE(op.variants.empty()) << op.name;
    EXPECT_FALSE(op.dtypes.empty()) << op.name;
    bool gradient = !op.differentiable;
    for (const Variant& v : op.variants) {
      EXPECT_TRUE(v.call && v.reference && !v.inputs.empty()) << op.name << " " << v.label;
      gradient |= v.gradient;
    }
    EXPECT_TRUE(gradient) << op.name << " has no case that is small enough for its gradient";
  }
  EXPECT_GT(names.size(), 80u);
}

}  // namespace ember::test
