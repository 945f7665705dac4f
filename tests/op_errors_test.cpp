// Bad input to every public operation throws Error, says which operation it was or what was wrong, and
// leaves the arguments as they were.
#include <limits>

#include <ember/autograd/autograd.h>
#include <ember/autograd/graphviz.h>
#include <ember/core/parallel.h>

#include "op_harness.h"

namespace ember::test {
namespace {

constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
constexpr int64_t kBig = int64_t{1} << 40;

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

// The message of the Error that f throws; records a failure when it throws none or another.
std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what_without_backtrace();
  } catch (const std::exception& e) {
    ADD_FAILURE() << "threw something else: " << e.what();
    return "";
  }
  ADD_FAILURE() << "threw nothing";
  return "";
}

bool has_one_of(const std::string& message, const std::string& mentions) {
  for (size_t start = 0; start <= mentions.size();) {
    const size_t end = std::min(mentions.find('|', start), mentions.size());
    if (message.find(mentions.substr(start, end - start)) != std::string::npos) return true;
    start = end + 1;
  }
  return false;
}

struct Arguments {
  Tensor u;    // undefined
  Tensor x;    // [2, 3], requires a gradient
  Tensor y;    // [2, 3]
  Tensor q;    // [3, 3]
  Tensor v;    // [4]
  Tensor s;    // []
  Tensor b3;   // [2, 3, 4]
  Tensor d;    // [2, 3] float64
  Tensor n;    // [2, 3] int64
  Tensor m;    // [2, 3] bool
  Tensor i;    // [2] int64: 0, 1
  Tensor e;    // [0]
  Tensor rep;  // [2, 3] expanded from [3]

  explicit Arguments(Device device) {
    const auto floats = [&](Sizes sizes) { return make(draw(value(std::move(sizes)), 0, kFloat32), kFloat32, device); };
    x = floats({2, 3}).requires_grad_();
    y = floats({2, 3});
    q = floats({3, 3});
    v = floats({4});
    s = floats({});
    b3 = floats({2, 3, 4});
    d = make(draw(value({2, 3}), 1, kFloat64), kFloat64, device);
    n = make(draw(value({2, 3}), 1, kInt64), kInt64, device);
    m = make(draw(mask({2, 3}), 1, kBool), kBool, device);
    i = make({{0, 1}, {2}}, kInt64, device);
    e = floats({0});
    rep = floats({3}).expand({2, 3});
  }
  Tensors all() const { return {u, x, y, q, v, s, b3, d, n, m, i, e, rep}; }
};

struct Bad {
  const char* text;
  void (*call)(const Arguments&);
  std::string mentions;  // parts of which the message must have one, separated by |
};

#define BAD(expression, mentions) \
  {#expression, [](const Arguments& a) { \
     [[maybe_unused]] const auto& [u, x, y, q, v, s, b3, d, n, m, i, e, rep] = a; \
     (void)(expression); \
   }, mentions}

void check_all(const std::vector<Bad>& table, Device device) {
  EMBER_SKIP_WITHOUT(device);
  const Arguments arguments(device);
  std::vector<Snapshot> before;
  for (const Tensor& t : arguments.all()) before.emplace_back(t);
  for (const Bad& bad : table) {
    SCOPED_TRACE(bad.text);
    const std::string message = error_of([&] { bad.call(arguments); });
    EXPECT_TRUE(message.empty() || has_one_of(message, bad.mentions))
        << "the message \"" << message << "\" has none of " << bad.mentions;
    for (const Snapshot& s : before) s.check();
  }
}

// Every function of functions.h and every method of tensor.h, with an undefined tensor in each place.
const std::vector<Bad>& undefined_functions() {
#define UNDEFINED(expression) BAD(expression, "undefined")
  static const std::vector<Bad> table = {
      UNDEFINED(empty_like(u)), UNDEFINED(zeros_like(u)), UNDEFINED(ones_like(u)), UNDEFINED(full_like(u, 1)),
      UNDEFINED(rand_like(u)), UNDEFINED(randn_like(u)), UNDEFINED(bernoulli(u)), UNDEFINED(add(u, y)),
      UNDEFINED(add(y, u)), UNDEFINED(add(u, 1)), UNDEFINED(sub(u, y)), UNDEFINED(sub(y, u)), UNDEFINED(sub(u, 1)),
      UNDEFINED(rsub(u, 1)), UNDEFINED(mul(u, y)), UNDEFINED(mul(y, u)), UNDEFINED(mul(u, 1)), UNDEFINED(div(u, y)),
      UNDEFINED(div(y, u)), UNDEFINED(div(u, 1)), UNDEFINED(pow(u, y)), UNDEFINED(pow(y, u)), UNDEFINED(pow(u, 2)),
      UNDEFINED(pow(2, u)), UNDEFINED(neg(u)), UNDEFINED(abs(u)), UNDEFINED(sign(u)), UNDEFINED(exp(u)),
      UNDEFINED(log(u)), UNDEFINED(sqrt(u)), UNDEFINED(rsqrt(u)), UNDEFINED(reciprocal(u)), UNDEFINED(square(u)),
      UNDEFINED(sin(u)), UNDEFINED(cos(u)), UNDEFINED(tanh(u)), UNDEFINED(sigmoid(u)), UNDEFINED(relu(u)),
      UNDEFINED(clamp(u, 0, 1)), UNDEFINED(clamp_min(u, 0)), UNDEFINED(clamp_max(u, 0)), UNDEFINED(maximum(u, y)),
      UNDEFINED(maximum(y, u)), UNDEFINED(minimum(u, y)), UNDEFINED(minimum(y, u)), UNDEFINED(addcmul(u, y, y)),
      UNDEFINED(addcmul(y, u, y)), UNDEFINED(addcmul(y, y, u)), UNDEFINED(addcdiv(u, y, y)),
      UNDEFINED(addcdiv(y, u, y)), UNDEFINED(addcdiv(y, y, u)), UNDEFINED(where(u, y, y)), UNDEFINED(where(m, u, y)),
      UNDEFINED(where(m, y, u)), UNDEFINED(where(u, y, 1)), UNDEFINED(where(m, u, 1)), UNDEFINED(where(u, 1, y)),
      UNDEFINED(where(m, 1, u)), UNDEFINED(masked_fill(u, m, 1)), UNDEFINED(masked_fill(y, u, 1)),
      UNDEFINED(eq(u, y)), UNDEFINED(eq(y, u)), UNDEFINED(eq(u, 1)), UNDEFINED(ne(u, y)), UNDEFINED(ne(y, u)),
      UNDEFINED(ne(u, 1)), UNDEFINED(lt(u, y)), UNDEFINED(lt(y, u)), UNDEFINED(lt(u, 1)), UNDEFINED(le(u, y)),
      UNDEFINED(le(y, u)), UNDEFINED(le(u, 1)), UNDEFINED(gt(u, y)), UNDEFINED(gt(y, u)), UNDEFINED(gt(u, 1)),
      UNDEFINED(ge(u, y)), UNDEFINED(ge(y, u)), UNDEFINED(ge(u, 1)), UNDEFINED(logical_not(u)), UNDEFINED(isnan(u)),
      UNDEFINED(equal(u, y)), UNDEFINED(equal(y, u)), UNDEFINED(allclose(u, y)), UNDEFINED(allclose(y, u)),
      UNDEFINED(sum(u)), UNDEFINED(sum(u, 0)), UNDEFINED(mean(u)), UNDEFINED(mean(u, 0)), UNDEFINED(max(u)),
      UNDEFINED(min(u)), UNDEFINED(max(u, 0)), UNDEFINED(min(u, 0)), UNDEFINED(max(u, y)), UNDEFINED(max(y, u)),
      UNDEFINED(min(u, y)), UNDEFINED(min(y, u)), UNDEFINED(amax(u)), UNDEFINED(amin(u)), UNDEFINED(argmax(u)),
      UNDEFINED(argmin(u)), UNDEFINED(all(u)), UNDEFINED(any(u)), UNDEFINED(softmax(u, 0)),
      UNDEFINED(log_softmax(u, 0)), UNDEFINED(mm(u, y)), UNDEFINED(mm(y, u)), UNDEFINED(bmm(u, b3)),
      UNDEFINED(bmm(b3, u)), UNDEFINED(matmul(u, y)), UNDEFINED(matmul(y, u)), UNDEFINED(mv(u, v)),
      UNDEFINED(mv(y, u)), UNDEFINED(dot(u, v)), UNDEFINED(dot(v, u)), UNDEFINED(addmm(u, y, q)),
      UNDEFINED(addmm(y, u, q)), UNDEFINED(addmm(y, y, u)), UNDEFINED(t(u)), UNDEFINED(reshape(u, {6})),
      UNDEFINED(flatten(u)), UNDEFINED(transpose(u, 0, 1)), UNDEFINED(permute(u, {1, 0})), UNDEFINED(squeeze(u)),
      UNDEFINED(squeeze(u, 0)), UNDEFINED(unsqueeze(u, 0)), UNDEFINED(select(u, 0, 0)), UNDEFINED(slice(u)),
      UNDEFINED(narrow(u, 0, 0, 1)), UNDEFINED(as_strided(u, {1}, {1})), UNDEFINED(diagonal(u)),
      UNDEFINED(clone(u)), UNDEFINED(unbind(u)), UNDEFINED(split(u, 1)), UNDEFINED(chunk(u, 1)),
      UNDEFINED(cat({u, y})), UNDEFINED(cat({y, u})), UNDEFINED(stack({u, y})), UNDEFINED(stack({y, u})),
      UNDEFINED(index_select(u, 0, i)), UNDEFINED(index_select(y, 0, u)), UNDEFINED(index_add(u, 0, i, y)),
      UNDEFINED(index_add(y, 0, u, y)), UNDEFINED(index_add(y, 0, i, u)), UNDEFINED(gather(u, 0, n)),
      UNDEFINED(gather(y, 0, u)), UNDEFINED(scatter_add(u, 0, n, y)), UNDEFINED(scatter_add(y, 0, u, y)),
      UNDEFINED(scatter_add(y, 0, n, u)), UNDEFINED(mse_loss(u, y)), UNDEFINED(mse_loss(y, u)),
      UNDEFINED(nll_loss(u, i)), UNDEFINED(nll_loss(y, u)), UNDEFINED(cross_entropy_loss(u, i)),
      UNDEFINED(cross_entropy_loss(y, u)), UNDEFINED(dropout(u, 0.5, true)), UNDEFINED(linear(u, y)),
      UNDEFINED(linear(y, u)), UNDEFINED(to_dot(u)), UNDEFINED(autograd::backward({u})),
      UNDEFINED(autograd::grad({u}, {x})), UNDEFINED(autograd::grad({x.sum()}, {u})),
      BAD([&] { Tensor copy; dropout_(copy, 0.5, true); }(), "undefined")};
  return table;
}

const std::vector<Bad>& undefined_methods() {
  static const std::vector<Bad> table = {
      UNDEFINED(u.dim()), UNDEFINED(u.numel()), UNDEFINED(u.sizes()), UNDEFINED(u.strides()), UNDEFINED(u.size(0)),
      UNDEFINED(u.stride(0)), UNDEFINED(u.dtype()), UNDEFINED(u.device()), UNDEFINED(u.options()),
      UNDEFINED(u.nbytes()), UNDEFINED(u.storage()), UNDEFINED(u.storage_offset()), UNDEFINED(u.is_contiguous()),
      UNDEFINED(u.is_cpu()), UNDEFINED(u.is_floating_point()), UNDEFINED(u.data_ptr()),
      UNDEFINED(u.data_ptr<float>()), UNDEFINED(u.item()), UNDEFINED(u.item<float>()), UNDEFINED(u.to(kFloat64)),
      UNDEFINED(u.to(Device(kCPU))), UNDEFINED(u.to(Device(kCPU), kFloat64)), UNDEFINED(u.to(TensorOptions())),
      UNDEFINED(u.to(y)), UNDEFINED(y.to(u)), UNDEFINED(u.cpu()), UNDEFINED(u.toType(kFloat64)),
      UNDEFINED(u.contiguous()), UNDEFINED(u.clone()), UNDEFINED(u.copy_(y)), UNDEFINED(y.copy_(u)),
      UNDEFINED(u.fill_(1)), UNDEFINED(u.fill_(s)), UNDEFINED(y.fill_(u)), UNDEFINED(u.zero_()),
      UNDEFINED(u.requires_grad()), UNDEFINED(u.requires_grad_()), UNDEFINED(u.is_leaf()), UNDEFINED(u.is_view()),
      UNDEFINED(u.retain_grad()), UNDEFINED(u.backward()), UNDEFINED(u.detach()), UNDEFINED(u.detach_()),
      UNDEFINED(u.tensor_data()), UNDEFINED(u.set_data(y)), UNDEFINED(y.set_data(u)), UNDEFINED(u._version()),
      UNDEFINED(u.register_hook([](const Tensor& g) { return g; })), UNDEFINED(u.add(y)), UNDEFINED(y.add(u)),
      UNDEFINED(u.add_(y)), UNDEFINED(y.add_(u)), UNDEFINED(u.add_(1)), UNDEFINED(u.sub(y)), UNDEFINED(u.sub_(y)),
      UNDEFINED(y.sub_(u)), UNDEFINED(u.sub_(1)), UNDEFINED(u.mul(y)), UNDEFINED(u.mul_(y)), UNDEFINED(y.mul_(u)),
      UNDEFINED(u.mul_(1)), UNDEFINED(u.div(y)), UNDEFINED(u.div_(y)), UNDEFINED(y.div_(u)), UNDEFINED(u.div_(1)),
      UNDEFINED(u.pow(y)), UNDEFINED(u.pow_(y)), UNDEFINED(y.pow_(u)), UNDEFINED(u.pow_(2)), UNDEFINED(u.maximum(y)),
      UNDEFINED(u.minimum(y)), UNDEFINED(u.addcmul(y, y)), UNDEFINED(u.addcmul_(y, y)), UNDEFINED(y.addcmul_(u, y)),
      UNDEFINED(u.addcdiv(y, y)), UNDEFINED(u.addcdiv_(y, y)), UNDEFINED(y.addcdiv_(y, u)), UNDEFINED(u.where(m, y)),
      UNDEFINED(y.where(u, y)), UNDEFINED(u.masked_fill(m, 1)), UNDEFINED(u.masked_fill_(m, 1)),
      UNDEFINED(y.masked_fill_(u, 1)), UNDEFINED(u.neg()), UNDEFINED(u.neg_()), UNDEFINED(u.abs()),
      UNDEFINED(u.abs_()), UNDEFINED(u.sign()), UNDEFINED(u.sign_()), UNDEFINED(u.exp()), UNDEFINED(u.exp_()),
      UNDEFINED(u.log()), UNDEFINED(u.log_()), UNDEFINED(u.sqrt()), UNDEFINED(u.sqrt_()), UNDEFINED(u.rsqrt()),
      UNDEFINED(u.rsqrt_()), UNDEFINED(u.reciprocal()), UNDEFINED(u.reciprocal_()), UNDEFINED(u.square()),
      UNDEFINED(u.square_()), UNDEFINED(u.sin()), UNDEFINED(u.sin_()), UNDEFINED(u.cos()), UNDEFINED(u.cos_()),
      UNDEFINED(u.tanh()), UNDEFINED(u.tanh_()), UNDEFINED(u.sigmoid()), UNDEFINED(u.sigmoid_()),
      UNDEFINED(u.relu()), UNDEFINED(u.relu_()), UNDEFINED(u.clamp(0, 1)), UNDEFINED(u.clamp_(0, 1)),
      UNDEFINED(u.clamp_min(0)), UNDEFINED(u.clamp_min_(0)), UNDEFINED(u.clamp_max(0)), UNDEFINED(u.clamp_max_(0)),
      UNDEFINED(u.eq(y)), UNDEFINED(u.ne(1)), UNDEFINED(u.lt(y)), UNDEFINED(u.le(1)), UNDEFINED(u.gt(y)),
      UNDEFINED(u.ge(1)), UNDEFINED(u.logical_not()), UNDEFINED(u.isnan()), UNDEFINED(u.equal(y)),
      UNDEFINED(u.allclose(y)), UNDEFINED(u.sum()), UNDEFINED(u.sum(0)), UNDEFINED(u.mean()), UNDEFINED(u.mean(0)),
      UNDEFINED(u.max()), UNDEFINED(u.min()), UNDEFINED(u.max(0)), UNDEFINED(u.min(0)), UNDEFINED(u.max(y)),
      UNDEFINED(u.min(y)), UNDEFINED(u.amax()), UNDEFINED(u.amin()), UNDEFINED(u.argmax()), UNDEFINED(u.argmin()),
      UNDEFINED(u.all()), UNDEFINED(u.any()), UNDEFINED(u.softmax(0)), UNDEFINED(u.log_softmax(0)),
      UNDEFINED(u.mm(y)), UNDEFINED(u.bmm(y)), UNDEFINED(u.matmul(y)), UNDEFINED(u.mv(y)), UNDEFINED(u.dot(y)),
      UNDEFINED(u.addmm(y, q)), UNDEFINED(u.t()), UNDEFINED(u.view({1})), UNDEFINED(u.view_as(y)),
      UNDEFINED(y.view_as(u)), UNDEFINED(u.reshape({1})), UNDEFINED(u.reshape_as(y)), UNDEFINED(u.flatten()),
      UNDEFINED(u.transpose(0, 1)), UNDEFINED(u.permute({0})), UNDEFINED(u.expand({1})), UNDEFINED(u.expand_as(y)),
      UNDEFINED(y.expand_as(u)), UNDEFINED(u.squeeze()), UNDEFINED(u.squeeze(0)), UNDEFINED(u.unsqueeze(0)),
      UNDEFINED(u.select(0, 0)), UNDEFINED(u.slice()), UNDEFINED(u.narrow(0, 0, 1)),
      UNDEFINED(u.as_strided({1}, {1})), UNDEFINED(u.diagonal()), UNDEFINED(u.unbind()), UNDEFINED(u.split(1)),
      UNDEFINED(u.chunk(1)), UNDEFINED(u.sum_to_size({1})), UNDEFINED(u[0]), UNDEFINED(u.index_select(0, i)),
      UNDEFINED(u.index_add(0, i, y)), UNDEFINED(u.index_add_(0, i, y)), UNDEFINED(y.index_add_(0, u, y)),
      UNDEFINED(u.gather(0, n)), UNDEFINED(u.scatter_add(0, n, y)), UNDEFINED(u.scatter_add_(0, n, y)),
      UNDEFINED(y.scatter_add_(0, n, u)), UNDEFINED(u.new_empty({1})), UNDEFINED(u.new_zeros({1})),
      UNDEFINED(u.new_ones({1})), UNDEFINED(u.new_full({1}, 1)), UNDEFINED(u.uniform_()), UNDEFINED(u.normal_()),
      UNDEFINED(u.bernoulli_()), UNDEFINED(u.random_()), UNDEFINED(u.random_(5)), UNDEFINED(u.random_(0, 5)),
      UNDEFINED(-u), UNDEFINED(u += y), UNDEFINED(u -= 1), UNDEFINED(u *= y), UNDEFINED(u /= 1)};
#undef UNDEFINED
  return table;
}

const std::vector<Bad>& bad_creation() {
  static const std::vector<Bad> table = {
      BAD(zeros({-1}), "negative|-1"), BAD(ones({2, -3}), "negative|-3"), BAD(empty({kLowest}), "negative|-9223"),
      BAD(zeros({kBig, kBig}), "overflow|too large|too many|1099511627776"),
      BAD(empty({kHuge}), "overflow|too large|memory|9223372036854775807"),
      BAD(empty({kHuge, 2}), "overflow|too large|9223372036854775807"),
      BAD(full({int64_t{1} << 62}, 1), "overflow|too large|4611686018427387904"),
      BAD(empty({kBig, kBig, 0, kBig}), "overflow|too large|1099511627776"), BAD(rand({-1}), "negative|-1"),
      BAD(randn({kBig, kBig}), "overflow|too large|1099511627776"),
      BAD(zeros({1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}), "dimensions"), BAD(eye(-1), "eye|negative"),
      BAD(eye(2, -1), "eye|negative"), BAD(eye(kBig), "eye|overflow|too large|memory"),
      BAD(arange(0, 10, -1), "arange|step"), BAD(arange(0, 1, 0.0), "arange|step"),
      BAD(arange(std::numeric_limits<double>::quiet_NaN()), "arange"),
      BAD(arange(std::numeric_limits<double>::infinity()), "arange"),
      BAD(arange(0, 1, std::numeric_limits<double>::quiet_NaN()), "arange"), BAD(arange(0, 1e30, 1), "arange"),
      BAD(linspace(0, 1, -1), "linspace|steps"), BAD(linspace(0, 1, kHuge), "linspace|overflow|large|memory"),
      BAD(randint(5, 5, {2}), "randint|random"), BAD(randint(5, 4, {2}), "randint|random"),
      BAD(randint(0, {2}), "randint|random"), BAD(randperm(-1), "randperm|negative"),
      BAD(rand({2}, kInt64), "rand|uniform|int64|float"), BAD(randn({2}, kInt32), "randn|normal|int32|float"),
      BAD(bernoulli(full({2}, 1.5)), "bernoulli"), BAD(y.clone().bernoulli_(2), "bernoulli"),
      BAD(y.clone().bernoulli_(-0.5), "bernoulli"),
      BAD(y.clone().bernoulli_(std::numeric_limits<double>::quiet_NaN()), "bernoulli"),
      BAD(y.clone().normal_(0, -1), "normal"), BAD(y.clone().uniform_(2, 1), "uniform"),
      BAD(n.clone().normal_(), "normal"), BAD(n.clone().uniform_(), "uniform"), BAD(y.clone().random_(5, 5), "random"),
      BAD(y.clone().random_(0), "random"), BAD(tensor({{1, 2}, {3}}), "tensor|length|shape|list"),
      BAD(from_blob(nullptr, {2}), "from_blob|null"),
      BAD(from_blob(y.data_ptr(), {-2}), "from_blob|negative"),
      BAD(from_blob(y.data_ptr(), {2}, IntArrayRef{1, 1}), "from_blob|strides"),
      BAD(from_blob(y.data_ptr(), {2, 2}, IntArrayRef{-1, 1}), "from_blob|stride"),
      BAD(y.new_zeros({-1}), "negative|-1"), BAD(zeros({2}, Device("cpu:3")), "device|cpu:3"),
      BAD(Device("gpu"), "gpu"), BAD(Device("cuda:"), "cuda:"), BAD(Device("cuda:-1"), "cuda:-1"),
      BAD(Device("cuda:999"), "cuda:999"), BAD(Device(""), "device"), BAD(Device("cpu "), "cpu "),
      BAD(set_default_dtype(kInt32), "default|floating"), BAD(set_num_threads(0), "thread"),
      BAD(zeros({2}, kInt64).requires_grad_(), "requires_grad|floating"),
      BAD(zeros({2}, TensorOptions(kInt64).requires_grad(true)), "grad|floating")};
  return table;
}

const std::vector<Bad>& bad_elementwise() {
  static const std::vector<Bad> table = {
      BAD(add(y, v), "add|broadcast"), BAD(add(y, d.unsqueeze(0).expand({4, 2, 3}).transpose(0, 1)), "add|broadcast"),
      BAD(sub(y, v), "sub|broadcast"), BAD(mul(v, y), "mul|broadcast"), BAD(div(y, v), "div|broadcast"),
      BAD(pow(y, v), "pow|broadcast"), BAD(maximum(y, v), "maximum|broadcast"), BAD(minimum(y, v), "minimum|broadcast"),
      BAD(eq(y, v), "eq|broadcast"), BAD(addcmul(y, v, y), "addcmul|broadcast"),
      BAD(addcdiv(y, y, v), "addcdiv|broadcast"), BAD(where(m, y, v), "where|broadcast"),
      BAD(masked_fill(y, zeros({4}, TensorOptions(kBool).device(y.device())), 1), "masked_fill|broadcast"),
      BAD(where(y, y, y), "where|bool"), BAD(masked_fill(y, y, 1), "masked_fill|bool"),
      BAD(masked_fill(y, n, 1), "masked_fill|bool"), BAD(add(m, m, 1.5), "add|alpha"),
      BAD(add(n, n, 1.5), "add|alpha"), BAD(sub(n, n, 0.5), "sub|alpha"), BAD(sub(m, 1), "sub|bool"),
      BAD(rsub(m, 1), "sub|bool"), BAD(neg(m), "neg|bool"), BAD(-m, "neg|bool"), BAD(sub(m, m), "sub|bool"),
      BAD(addcdiv(n, n, n), "addcdiv|int64"),
      BAD(pow(m, m), "pow|bool")};
  return table;
}

const std::vector<Bad>& bad_in_place() {
  static const std::vector<Bad> table = {
      // The result has another shape than self.
      BAD(s.add_(y), "add_|shape|broadcast"), BAD(v.mul_(y), "mul_|shape|broadcast"),
      BAD(e.add_(y), "add_|shape|broadcast"), BAD(v.unsqueeze(0).sub_(q.select(0, 0).unsqueeze(1).expand({3, 4})), "sub_|shape|broadcast"),
      BAD(s.div_(v), "div_|shape|broadcast"), BAD(s.pow_(v), "pow_|shape|broadcast"),
      BAD(s.addcmul_(y, y), "addcmul_|shape|broadcast"), BAD(s.addcdiv_(y, y), "addcdiv_|shape|broadcast"),
      BAD(s.masked_fill_(m, 1), "masked_fill_|shape|broadcast"), BAD(v.copy_(y), "copy_|shape|broadcast"),
      BAD(s.copy_(v), "copy_|shape|broadcast"),
      // self cannot hold the result.
      BAD(n.add_(y), "add_|cast|float32"), BAD(n.add_(1.5), "add_|cast|float"), BAD(n.mul_(y), "mul_|cast|float32"),
      BAD(n.div_(2), "div_|cast|float"), BAD(n.div_(n), "div_|cast|float"), BAD(n.exp_(), "exp_|cast|float"),
      BAD(n.sqrt_(), "sqrt_|cast|float"), BAD(n.sigmoid_(), "sigmoid_|cast|float"), BAD(m.add_(1), "add_|cast|int64"),
      BAD(n.pow_(0.5), "pow_|cast|float"), BAD(n.clamp_(0.5, 1.5), "clamp_|cast|float"), BAD(m.sub_(m), "sub|bool"),
      BAD(m.neg_(), "neg|bool"),
      // Elements of self share memory.
      BAD(rep.add_(1), "add_|memory|overlap|clone"), BAD(rep.copy_(y), "copy_|memory|overlap|clone"),
      BAD(rep.exp_(), "exp_|memory|overlap|clone"), BAD(rep.mul_(y), "mul_|memory|overlap|clone"),
      BAD(rep.masked_fill_(m, 1), "masked_fill_|memory|overlap|clone"),
      BAD(rep.uniform_(), "uniform_|memory|overlap|clone"), BAD(rep.normal_(), "normal_|memory|overlap|clone"),
      BAD(rep.index_add_(0, i, y), "index_add_|memory|overlap|clone"),
      // self and an operand overlap in part.
      BAD(v.slice(0, 1, 4).add_(v.slice(0, 0, 3)), "add_|overlap|memory"),
      // A leaf that requires a gradient.
      BAD(x.add_(1), "leaf"), BAD(x.zero_(), "leaf"), BAD(x.copy_(y), "leaf"), BAD(x.exp_(), "leaf"),
      BAD(x.mul_(y), "leaf"), BAD(x.fill_(0), "leaf"), BAD(x.uniform_(), "leaf"), BAD(x.normal_(), "leaf"),
      BAD(x[0].add_(1), "leaf"), BAD(x.index_add_(0, i, y), "leaf"), BAD(x.masked_fill_(m, 0), "leaf"),
      BAD(y.fill_(v), "fill_|one|0-dim"), BAD(y.clamp_(), "clamp"), BAD(y.clamp(), "clamp"),
      BAD(clamp(y, std::nullopt), "clamp"), BAD(pow(n, -1), "pow|negative"), BAD(n.pow_(-2), "pow|negative")};
  return table;
}

const std::vector<Bad>& bad_reductions() {
  static const std::vector<Bad> table = {
      BAD(sum(y, 2), "sum|dim"), BAD(sum(y, -3), "sum|dim"), BAD(sum(y, kHuge), "sum|dim"),
      BAD(sum(y, kLowest), "sum|dim"), BAD(sum(y, {0, 0}), "sum|dim"), BAD(sum(y, {0, -2}), "sum|dim"),
      BAD(sum(s, 1), "sum|dim"), BAD(mean(y, 2), "mean|dim"), BAD(mean(y, {1, 1}), "mean|dim"),
      BAD(mean(n), "mean|int64"), BAD(mean(m), "mean|bool"), BAD(mean(y, kInt64), "mean|int64"),
      BAD(max(y, 2), "max|dim"), BAD(min(y, -3), "min|dim"), BAD(amax(y, 2), "amax|dim"), BAD(amin(y, {0, 0}), "amin|dim"),
      BAD(argmax(y, 2), "argmax|dim"), BAD(argmin(y, -3), "argmin|dim"), BAD(argmax(m), "argmax|bool"),
      BAD(max(e), "max|empty"), BAD(min(e), "min|empty"), BAD(max(e, 0), "max|empty"), BAD(min(e, 0), "min|empty"),
      BAD(amax(e), "amax|empty"), BAD(amin(e, 0), "amin|empty"), BAD(argmax(e), "argmax|empty"),
      BAD(argmin(e, 0), "argmin|empty"), BAD(softmax(y, 2), "softmax|dim"), BAD(softmax(n, 0), "softmax|int64"),
      BAD(log_softmax(y, -3), "log_softmax|dim"), BAD(log_softmax(m, 0), "log_softmax|bool"),
      BAD(y.sum_to_size({4}), "sum_to_size"), BAD(y.sum_to_size({1, 2, 3}), "sum_to_size"),
      BAD(y.item(), "item|one element"), BAD(e.item(), "item|one element"), BAD(equal(y, u), "undefined")};
  return table;
}

const std::vector<Bad>& bad_linalg() {
  static const std::vector<Bad> table = {
      BAD(mm(y, y), "mm"), BAD(mm(y, v), "mm"), BAD(mm(s, s), "mm"), BAD(mm(b3, y), "mm"),
      BAD(mm(y, d.t()), "mm|dtype"), BAD(mm(m, m.t()), "mm|bool"), BAD(bmm(y, y), "bmm"), BAD(bmm(b3, b3), "bmm"),
      BAD(bmm(b3, b3.slice(0, 0, 1).transpose(1, 2)), "bmm"), BAD(bmm(b3, b3.transpose(1, 2).to(kFloat64)), "bmm|dtype"),
      BAD(matmul(y, v), "matmul"), BAD(matmul(s, y), "matmul"), BAD(matmul(y, s), "matmul"), BAD(matmul(v, y), "matmul"),
      BAD(matmul(b3, y), "matmul"), BAD(matmul(b3, b3.transpose(1, 2).slice(0, 0, 1).expand({3, 4, 3})), "matmul|broadcast"),
      BAD(matmul(y, d.t()), "matmul|mm|dtype"), BAD(mv(y, v), "mv"), BAD(mv(v, v), "mv"), BAD(mv(y, y), "mv"),
      BAD(dot(v, v.slice(0, 0, 2)), "dot"), BAD(dot(y, y), "dot"), BAD(dot(s, s), "dot"),
      BAD(dot(v, v.to(kFloat64)), "dot|dtype"), BAD(addmm(y, y, y), "addmm"), BAD(addmm(v, y, q), "addmm"),
      BAD(addmm(y, v, q), "addmm"), BAD(addmm(d, y, q), "addmm|dtype"), BAD(addmm(b3, y, q), "addmm"),
      BAD(linear(y, v), "linear"), BAD(linear(v, y), "linear"), BAD(linear(y, y, v), "linear"),
      BAD(linear(s, y), "linear"), BAD(linear(y, d), "linear|dtype"), BAD(linear(y, b3), "linear"),
      BAD(b3.t(), "t")};
  return table;
}

const std::vector<Bad>& bad_shapes() {
  static const std::vector<Bad> table = {
      BAD(y.view({4}), "view|shape"), BAD(y.view({-1, -1}), "view"), BAD(y.view({-2, 3}), "view|-2"),
      BAD(y.view({4, -1}), "view"), BAD(y.view({-1, 0}), "view"), BAD(e.view({-1, 0}), "view"),
      BAD(y.view({kBig, kBig}), "view|overflow|shape"), BAD(y.view({kHuge, kHuge, -1}), "view|overflow|shape"),
      BAD(y.t().view({6}), "view"), BAD(rep.view({6}), "view"), BAD(reshape(y, {5}), "reshape|shape"),
      BAD(reshape(y, {-1, 5}), "reshape|shape"), BAD(reshape(y, {kHuge, -1}), "reshape|shape"),
      BAD(flatten(b3, 2, 1), "flatten"), BAD(flatten(b3, 0, 3), "flatten|dim"), BAD(flatten(b3, -4), "flatten|dim"),
      BAD(transpose(y, 0, 2), "transpose|dim"), BAD(transpose(y, -3, 0), "transpose|dim"),
      BAD(transpose(s, 0, 1), "transpose|dim"), BAD(transpose(y, kHuge, kLowest), "transpose|dim"),
      BAD(permute(y, {0}), "permute"), BAD(permute(y, {0, 0}), "permute"), BAD(permute(y, {0, 2}), "permute|dim"),
      BAD(permute(y, {0, 1, 2}), "permute"), BAD(y.expand({3}), "expand"), BAD(y.expand({3, 3}), "expand"),
      BAD(y.expand({-1, 2, 3}), "expand"), BAD(y.expand({2, -2}), "expand|-2"),
      BAD(s.expand({kBig, kBig}), "expand|overflow|too large|1099511627776"), BAD(squeeze(y, 2), "squeeze|dim"),
      BAD(squeeze(y, -3), "squeeze|dim"), BAD(unsqueeze(y, 3), "unsqueeze|dim"), BAD(unsqueeze(y, -4), "unsqueeze|dim"),
      BAD(select(y, 2, 0), "select|dim"), BAD(select(y, 0, 2), "select|index"), BAD(select(y, 0, -3), "select|index"),
      BAD(select(s, 0, 0), "select|0-dim"), BAD(select(y, 0, kHuge), "select|index"),
      BAD(select(y, 0, kLowest), "select|index"), BAD(y[2], "index|select"), BAD(y[-3], "index|select"),
      BAD(s[0], "select|0-dim|index"), BAD(slice(y, 2), "slice|dim"), BAD(slice(y, 0, 0, 1, 0), "slice|step"),
      BAD(slice(y, 0, 0, 1, -1), "slice|step"), BAD(slice(s), "slice|0-dim"), BAD(narrow(y, 0, 0, 3), "narrow"),
      BAD(narrow(y, 0, 3, 0), "narrow"), BAD(narrow(y, 0, 0, -1), "narrow"), BAD(narrow(y, 2, 0, 1), "narrow|dim"),
      BAD(narrow(y, 0, 1, kHuge), "narrow"), BAD(narrow(s, 0, 0, 0), "narrow|0-dim"),
      BAD(as_strided(y, {4}, {2}), "as_strided"), BAD(as_strided(y, {2}, {-1}), "as_strided|negative"),
      BAD(as_strided(y, {2}, {1, 1}), "as_strided"), BAD(as_strided(y, {-1}, {1}), "as_strided|negative"),
      BAD(as_strided(y, {2}, {1}, -1), "as_strided|offset"), BAD(as_strided(y, {1}, {1}, 6), "as_strided"),
      BAD(as_strided(y, {2}, {kHuge}), "as_strided"), BAD(as_strided(y, {kBig, kBig}, {0, 0}), "as_strided|overflow"),
      BAD(as_strided(y, {3, 3}, {kHuge / 2, kHuge / 2}), "as_strided"), BAD(as_strided(y, {1}, {1}, kHuge), "as_strided"),
      BAD(diagonal(v), "diagonal|dim"), BAD(diagonal(y, 0, 1, 1), "diagonal"), BAD(diagonal(y, 0, 0, 2), "diagonal|dim"),
      BAD(unbind(s), "unbind|0-dim|dim"), BAD(unbind(y, 2), "unbind|dim"), BAD(split(y, 0), "split"),
      BAD(split(y, -1), "split"), BAD(split(y, 1, 2), "split|dim"), BAD(split(s, 1), "split|0-dim|dim"),
      BAD(chunk(y, 0), "chunk"), BAD(chunk(y, -1), "chunk"), BAD(chunk(y, 1, 2), "chunk|dim"),
      BAD(cat({}), "cat"), BAD(cat({y, v}), "cat"), BAD(cat({y, q}, 1), "cat"), BAD(cat({y, y}, 2), "cat|dim"),
      BAD(cat({s, s}), "cat|0-dim|zero-dim"), BAD(cat({y, b3}), "cat"), BAD(stack({}), "stack"),
      BAD(stack({y, q}), "stack"), BAD(stack({y, y}, 3), "stack|dim"), BAD(stack({y, y}, -4), "stack|dim"),
      BAD(y.size(2), "dim"), BAD(y.size(-3), "dim"), BAD(s.size(0), "dim"), BAD(y.stride(2), "dim"),
      BAD(y.data_ptr<double>(), "data_ptr|float64"), BAD(y.set_data(n.to(kInt64)), "set_data|dtype")};
  return table;
}

const std::vector<Bad>& bad_indices() {
  static const std::vector<Bad> table = {
      BAD(index_select(y, 0, i + 1), "index_select|index"), BAD(index_select(y, 0, i - 1), "index_select|index"),
      BAD(index_select(y, 2, i), "index_select|dim"), BAD(index_select(y, 0, y), "index_select|int"),
      BAD(index_select(y, 0, y[0]), "index_select|int"), BAD(index_select(y, 0, n), "index_select"),
      BAD(index_select(y, 0, full({1}, kHuge, i.options())), "index_select|index"),
      BAD(index_select(e, 0, i), "index_select|index"), BAD(gather(y, 0, full_like(n, 2)), "gather|index"),
      BAD(gather(y, 0, full_like(n, -1)), "gather|index"), BAD(gather(y, 0, i), "gather"),
      BAD(gather(y, 2, zeros_like(n)), "gather|dim"), BAD(gather(y, 0, y), "gather|int"),
      BAD(gather(y, 0, zeros({2, 4}, n.options())), "gather"), BAD(gather(y, 1, zeros({3, 1}, n.options())), "gather"),
      BAD(gather(y, 0, full_like(n, kLowest)), "gather|index"),
      BAD(index_add(y, 0, i + 1, y), "index_add|index"), BAD(index_add(y, 0, i - 1, y), "index_add|index"),
      BAD(index_add(y, 2, i, y), "index_add|dim"), BAD(index_add(y, 0, i, q), "index_add"),
      BAD(index_add(y, 0, i, v), "index_add"), BAD(index_add(y, 0, i, d), "index_add|dtype"),
      BAD(index_add(y, 0, y[0], y), "index_add|int"), BAD(index_add(y, 0, n, y), "index_add"),
      BAD(y.index_add_(0, i + 1, y.clone()), "index_add|index"), BAD(y.index_add_(0, i, q), "index_add"),
      BAD(y.index_add_(0, i, d), "index_add|dtype"),
      BAD(scatter_add(y, 0, full_like(n, 2), y), "scatter_add|index"),
      BAD(scatter_add(y, 0, full_like(n, -1), y), "scatter_add|index"), BAD(scatter_add(y, 0, i, y), "scatter_add"),
      BAD(scatter_add(y, 2, zeros_like(n), y), "scatter_add|dim"), BAD(scatter_add(y, 0, y, y), "scatter_add|int"),
      BAD(scatter_add(y, 0, zeros({3, 3}, n.options()), y), "scatter_add"),
      BAD(scatter_add(y, 0, zeros({2, 4}, n.options()), zeros({2, 4}, y.options())), "scatter_add"),
      BAD(scatter_add(y, 0, zeros_like(n), d), "scatter_add|dtype"),
      BAD(y.scatter_add_(0, full_like(n, 2), y.clone()), "scatter_add|index"),
      BAD(y.scatter_add_(0, i, y.clone()), "scatter_add")};
  return table;
}

const std::vector<Bad>& bad_losses() {
  static const std::vector<Bad> table = {
      BAD(mse_loss(y, v), "mse_loss|broadcast"), BAD(mse_loss(n, n), "mse_loss|int64"),
      BAD(nll_loss(y, i + 2), "nll_loss|class|target"), BAD(nll_loss(y, i - 1), "nll_loss|class|target"),
      BAD(nll_loss(y, y), "nll_loss"), BAD(nll_loss(y, i.slice(0, 0, 1)), "nll_loss"), BAD(nll_loss(s, i), "nll_loss"),
      BAD(nll_loss(b3, i), "nll_loss"), BAD(nll_loss(n, i), "nll_loss|int64"), BAD(nll_loss(y, i, v), "nll_loss|weight"),
      BAD(nll_loss(y, i, d[0]), "nll_loss|weight|dtype"), BAD(cross_entropy_loss(y, i + 2), "class|target|loss"),
      BAD(cross_entropy_loss(y, i - 1), "class|target|loss"), BAD(cross_entropy_loss(y, v), "cross_entropy"),
      BAD(cross_entropy_loss(y, q), "cross_entropy"), BAD(cross_entropy_loss(n, i), "softmax|cross_entropy|int64"),
      BAD(cross_entropy_loss(y, i, v), "weight"), BAD(cross_entropy_loss(s, i), "cross_entropy|softmax"),
      BAD(cross_entropy_loss(y, i, u, Reduction::Mean, -100, 1.5), "smoothing"),
      BAD(cross_entropy_loss(y, i, u, Reduction::Mean, -100, -0.1), "smoothing"), BAD(dropout(y, -0.1, true), "dropout"),
      BAD(dropout(y, 1.1, true), "dropout"), BAD(dropout(y, 1.1, false), "dropout"),
      BAD(dropout(y, std::numeric_limits<double>::quiet_NaN(), true), "dropout"),
      BAD(dropout(n, 0.5, true), "dropout|int64")};
  return table;
}

const std::vector<Bad>& bad_autograd() {
  static const std::vector<Bad> table = {
      BAD(x.backward(), "one element|gradient|scalar"), BAD(y.sum().backward(), "require"),
      BAD((x * 2).backward(y[0]), "backward|gradient|size|shape"), BAD((x * 2).backward(b3), "backward|gradient|size|shape"),
      BAD(autograd::backward({x.sum(), x.sum()}, {s}), "backward|gradient"),
      BAD(autograd::grad({x.sum()}, {y}), "require|grad"), BAD(autograd::grad({x.sum()}, {}), "grad|inputs"),
      BAD(autograd::grad({x.sum()}, {zeros({1}, y.options()).requires_grad_()}), "grad|used|unused"),
      BAD(autograd::grad({y.sum()}, {x}), "require|grad"), BAD(y.retain_grad(), "retain_grad|require"),
      BAD(y.register_hook([](const Tensor& g) { return g; }), "hook|require"),
      BAD((x * 2).requires_grad_(false), "leaf"), BAD(x.set_grad(v), "grad|size|shape"),
      BAD(x.set_grad(d), "grad|dtype|float64"), BAD(to_dot(y), "to_dot|graph"), BAD(n.requires_grad_(), "grad|floating"),
      BAD(x[0].detach_(), "detach_|view")};
  return table;
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
    if (op.name == "copy_" || v.inputs[1].sizes.empty() || v.inputs[0].sizes.empty()) continue;
    SCOPED_TRACE(op.name + " (" + v.label + ")");
    Tensors inputs;
    for (size_t i = 0; i < v.inputs.size(); ++i) {
      const ScalarType dtype = dtype_of_input(v.inputs[i], kFloat32);
      inputs.push_back(make(draw(v.inputs[i], i, dtype), dtype, i == 0 ? kCUDA : kCPU));
    }
    const std::string message = error_of([&] { v.call(inputs); });
    EXPECT_TRUE(message.empty() || has_one_of(message, "cuda")) << message;
  }
}

}  // namespace

void register_error_tests() {
  register_all("undefined_functions", undefined_functions);
  register_all("undefined_methods", undefined_methods);
  register_all("creation", bad_creation);
  register_all("elementwise", bad_elementwise);
  register_all("in_place", bad_in_place);
  register_all("reductions", bad_reductions);
  register_all("linalg", bad_linalg);
  register_all("shapes", bad_shapes);
  register_all("indices", bad_indices);
  register_all("losses", bad_losses);
  register_all("autograd", bad_autograd);
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
  for (const auto& f : std::vector<std::function<void()>>{[&] { x.cuda(); }, [&] { x.to(Device(kCUDA)); },
                                                          [] { zeros({2}, kCUDA); }, [] { zeros({2}, "cuda:0"); },
                                                          [] { randn({2}, kCUDA); }, [] { cuda::synchronize(); },
                                                          [] { cuda::memory_stats(); }, [] { cuda::empty_cache(); },
                                                          [] { stream_from_pool(kCUDA); }}) {
    EXPECT_TRUE(has_one_of(error_of(f), why));
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
                                                          [&] { cat({a, b}); }, [&] { mse_loss(a, b); },
                                                          [&] { linear(a, b); }}) {
    const std::string message = error_of(f);
    EXPECT_TRUE(has_one_of(message, "[2, 3]")) << message;
    EXPECT_TRUE(has_one_of(message, "[4, 5]")) << message;
  }
  const std::string message = error_of([&] { mm(a, a.t().to(kFloat64)); });
  EXPECT_TRUE(has_one_of(message, "float32")) << message;
  EXPECT_TRUE(has_one_of(message, "float64")) << message;
}

}  // namespace ember::test
