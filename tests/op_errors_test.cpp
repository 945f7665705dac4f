// Bad input to every public operation throws Error, says which operation it was or what was wrong, and
// leaves the arguments as they were.
#include <algorithm>

#include <set>

#include "op_errors.h"
#include "values.h"

namespace ember::test {

const std::vector<Bad>& bad_linear_algebra();
const std::vector<Bad>& undefined_linear_algebra();

namespace {

// What a failed call must not change.
struct Snapshot {
  explicit Snapshot(const Tensor& t) : tensor(t), defined(t.defined()) {
    if (!defined) return;
    sizes = t.sizes().vec();
    strides = t.strides().vec();
    offset = t.storage_offset();
    dtype = t.dtype();
    version = t._version();
    requires_grad = t.requires_grad();
    values = read(t);
  }
  void check() const {
    ASSERT_EQ(tensor.defined(), defined);
    if (!defined) return;
    EXPECT_EQ(tensor.sizes().vec(), sizes);
    EXPECT_EQ(tensor.strides().vec(), strides);
    EXPECT_EQ(tensor.storage_offset(), offset);
    EXPECT_EQ(tensor.dtype(), dtype);
    EXPECT_EQ(tensor._version(), version) << "a change was counted";
    EXPECT_EQ(tensor.requires_grad(), requires_grad);
    EXPECT_TRUE(matches(tensor, values, dtype, {0, 0, true})) << "values were changed";
  }

  Tensor tensor;
  bool defined;
  Sizes sizes, strides;
  int64_t offset = 0, version = 0;
  ScalarType dtype = ScalarType::Undefined;
  bool requires_grad = false;
  HostArray values;
};

bool has_one_of(const std::string& message, const std::string& mentions) {
  for (size_t start = 0; start <= mentions.size();) {
    const size_t end = std::min(mentions.find('|', start), mentions.size());
    if (message.find(mentions.substr(start, end - start)) != std::string::npos) return true;
    start = end + 1;
  }
  return false;
}

void check_all(const std::vector<Bad>& table, Device device) {
  EMBER_SKIP_WITHOUT(device);
  for (const Bad& bad : table) {
    SCOPED_TRACE(bad.text);
    const Arguments arguments(device);
    std::vector<Snapshot> before;
    for (const Tensor& t : arguments.all()) before.emplace_back(t);
    // The device reports bad indices when it is waited for.
    const std::string message = error_of([&] {
      bad.call(arguments);
      if (device.is_cuda()) cuda::synchronize();
    });
    // What the device found, it found when it was at work: it names its kernel, and has written what was in range.
    if (device.is_cuda() && has_one_of(message, "found by the device")) continue;
    EXPECT_TRUE(has_one_of(message, bad.mentions)) << "the message \"" << message << "\" has none of " << bad.mentions;
    for (const Snapshot& s : before) s.check();
  }
}

void register_all(const char* name, const std::vector<Bad>& (*table)()) {
  for (const DeviceType device : {kCPU, kCUDA}) {
    register_test("Errors", name + std::string(device == kCPU ? "_cpu" : "_cuda"),
                  [table, device] { check_all(table(), Device(device)); });
  }
}

// Tensors on two devices in one operation.
void check_two_devices() {
  EMBER_SKIP_WITHOUT(kCUDA);
  for (const Op& op : op_table()) {
    const Variant& v = op.variants[op.variants.size() / 2];
    if (v.inputs.size() < 2) continue;
    // copy_ is there to cross devices, and a 0-dimensional CPU tensor may go with CUDA ones.
    // So may the indices of x[…].
    static const std::set<std::string> may_differ = {"copy_", "index", "index_mask", "index_put",
                                                     "index_put_accumulate"};
    if (may_differ.count(op.name) != 0 || v.inputs[1].sizes.empty() || v.inputs[0].sizes.empty()) continue;
    SCOPED_TRACE(op.name + " (" + v.label + ")");
    Tensors inputs;
    for (size_t i = 0; i < v.inputs.size(); ++i) {
      const ScalarType dtype = dtype_of_input(v.inputs[i], op.dtypes.front());
      inputs.push_back(make(draw(v.inputs[i], i, dtype), dtype, i == 0 ? kCUDA : kCPU));
    }
    const std::string message = error_of([&] { v.call(inputs); });
    EXPECT_TRUE(has_one_of(message, "cuda")) << message;
  }
}

}  // namespace

void register_error_tests() {
  register_all("undefined_functions", undefined_functions);
  register_all("undefined_methods", undefined_methods);
  register_all("creation", bad_creation);
  register_all("elementwise", bad_elementwise);
  register_all("arithmetic", bad_arithmetic);
  register_all("in_place", bad_in_place);
  register_all("reductions", bad_reductions);
  register_all("statistics", bad_statistics);
  register_all("linalg", bad_linalg);
  register_all("linear_algebra", bad_linear_algebra);
  register_all("undefined_linear_algebra", undefined_linear_algebra);
  register_all("shapes", bad_shapes);
  register_all("arrangements", bad_arrangements);
  register_all("undefined_arrangements", undefined_arrangements);
  register_all("indices", bad_indices);
  register_all("undefined_indexing", undefined_indexing);
  register_all("indexing", bad_indexing);
  register_all("losses", bad_losses);
  register_all("autograd", bad_autograd);
  register_all("undefined_math", undefined_math);
  register_all("math", bad_math);
  register_test("Errors", "two_devices_cuda", check_two_devices);
}

// CUDA that cannot be used says why, and every way to ask for it says the same.
TEST(Errors, NoCuda) {
  if (cuda::is_available()) {
    EXPECT_EQ(cuda::why_unavailable(), "");
    EXPECT_GT(cuda::device_count(), 0);
    return;
  }
  const std::string why = cuda::why_unavailable();
  EXPECT_FALSE(why.empty());
  EXPECT_EQ(cuda::device_count(), 0);
  const Tensor x = ones({2});
  struct Way {
    const char* name;
    std::function<void()> call;
  };
  for (const Way& way : std::vector<Way>{{"cuda()", [&] { x.cuda(); }},
                                         {"to", [&] { x.to(Device(kCUDA)); }},
                                         {"zeros", [] { zeros({2}, kCUDA); }},
                                         {"zeros on a string", [] { zeros({2}, "cuda:0"); }},
                                         {"randn", [] { randn({2}, kCUDA); }},
                                         {"synchronize", [] { cuda::synchronize(); }},
                                         {"memory_stats", [] { cuda::memory_stats(); }},
                                         {"reset_peak_memory_stats", [] { cuda::reset_peak_memory_stats(); }},
                                         {"stream_from_pool", [] { stream_from_pool(kCUDA); }}}) {
    SCOPED_TRACE(way.name);
    EXPECT_TRUE(has_one_of(error_of(way.call), why));
  }
}

// An index error is an IndexError, as PyTorch's are.
TEST(Errors, IndexErrors) {
  const Tensor x = ones({2, 3});
  EXPECT_THROW(x[2], IndexError);
  EXPECT_THROW(x.sum(2), IndexError);
  EXPECT_THROW(x.size(5), IndexError);
  EXPECT_THROW(x.select(0, -3), IndexError);
  EXPECT_THROW(x.index_select(0, tensor({5})), IndexError);
  EXPECT_THROW(x.softmax(-3), IndexError);
}

// Messages say what was given.
TEST(Errors, NameShapesAndDtypes) {
  const Tensor a = ones({2, 3}), b = ones({4, 5});
  for (const auto& f : std::vector<std::function<void()>>{[&] { mm(a, b); }, [&] { matmul(a, b); }, [&] { add(a, b); },
                                                          [&] { a.add_(b); }, [&] { maximum(a, b); },
                                                          [&] {
                                                            cat({a, b});
                                                          },
                                                          [&] { mse_loss(a, b); }, [&] { linear(a, b); }}) {
    const std::string message = error_of(f);
    EXPECT_TRUE(has_one_of(message, "[2, 3]")) << message;
    EXPECT_TRUE(has_one_of(message, "[4, 5]")) << message;
  }
  const std::string message = error_of([&] { mm(a, a.t().to(kFloat64)); });
  EXPECT_TRUE(has_one_of(message, "float32")) << message;
  EXPECT_TRUE(has_one_of(message, "float64")) << message;
}

}  // namespace ember::test
