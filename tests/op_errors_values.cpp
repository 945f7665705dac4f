// Bad arguments of creation and of the operations that compute.
#include <ember/core/parallel.h>

#include "op_errors.h"

namespace ember::test {

const std::vector<Bad>& bad_creation() {
  static const std::vector<Bad> table = {
      BAD(zeros({-1}), "negative|-1"),
      BAD(ones({2, -3}), "negative|-3"),
      BAD(empty({kLowest}), "negative|-9223"),
      BAD(zeros({kBig, kBig}), "overflow|too large|too many|1099511627776"),
      BAD(empty({kHuge}), "overflow|too large|memory|9223372036854775807"),
      BAD(empty({kHuge, 2}), "overflow|too large|9223372036854775807"),
      BAD(full({int64_t{1} << 62}, 1), "overflow|too large|4611686018427387904"),
      BAD(empty({kBig, kBig, 0, kBig}), "overflow|too large|1099511627776"),
      BAD(rand({-1}), "negative|-1"),
      BAD(randn({kBig, kBig}), "overflow|too large|1099511627776"),
      BAD(zeros({1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}), "dimensions"),
      BAD(eye(-1), "eye|negative"),
      BAD(eye(2, -1), "eye|negative"),
      BAD(eye(kBig), "eye|overflow|too large|memory"),
      BAD(arange(0, 10, -1), "arange|step"),
      BAD(arange(0, 1, 0.0), "arange|step"),
      BAD(arange(0, 1, 0), "arange|step"),
      BAD(arange(std::numeric_limits<double>::quiet_NaN()), "arange"),
      BAD(arange(std::numeric_limits<double>::infinity()), "arange"),
      BAD(arange(0, 1, std::numeric_limits<double>::quiet_NaN()), "arange"),
      BAD(arange(0, 1e30, 1), "arange"),
      BAD(linspace(0, 1, -1), "linspace|steps"),
      BAD(linspace(0, 1, kHuge), "linspace|overflow|large|memory"),
      BAD(randint(5, 5, {2}), "randint|random"),
      BAD(randint(5, 4, {2}), "randint|random"),
      BAD(randint(0, {2}), "randint|random"),
      BAD(randperm(-1), "randperm|negative"),
      BAD(rand({2}, kInt64), "rand|uniform|int64|float"),
      BAD(randn({2}, kInt32), "randn|normal|int32|float"),
      BAD(bernoulli(full({2}, 1.5)), "bernoulli"),
      BAD(y.clone().bernoulli_(2), "bernoulli"),
      BAD(y.clone().bernoulli_(-0.5), "bernoulli"),
      BAD(y.clone().bernoulli_(std::numeric_limits<double>::quiet_NaN()), "bernoulli"),
      BAD(y.clone().normal_(0, -1), "normal"),
      BAD(y.clone().uniform_(2, 1), "uniform"),
      BAD(n.clone().normal_(), "normal"),
      BAD(n.clone().uniform_(), "uniform"),
      BAD(y.clone().random_(5, 5), "random"),
      BAD(y.clone().random_(0), "random"),
      BAD(tensor({{1, 2}, {3}}), "tensor|length|shape|list"),
      BAD(from_blob(nullptr, {2}), "from_blob|null"),
      BAD(from_blob(y.data_ptr(), {-2}), "from_blob|negative"),
      BAD(from_blob(y.data_ptr(), {2}, IntArrayRef{1, 1}), "from_blob|strides"),
      BAD(from_blob(y.data_ptr(), {2, 2}, IntArrayRef{-1, 1}), "from_blob|stride"),
      BAD(y.new_zeros({-1}), "negative|-1"),
      BAD(zeros({2}, Device("cpu:3")), "device|cpu:3"),
      BAD(Device("gpu"), "gpu"),
      BAD(Device("cuda:"), "cuda:"),
      BAD(Device("cuda:-1"), "cuda:-1"),
      BAD(Device("cuda:999"), "cuda:999"),
      BAD(Device(""), "device"),
      BAD(Device("cpu "), "cpu "),
      BAD(set_default_dtype(kInt32), "default|floating"),
      BAD(set_num_threads(0), "thread"),
      BAD(zeros({2}, kInt64).requires_grad_(), "requires_grad|floating"),
      BAD(zeros({2}, TensorOptions(kInt64).requires_grad(true)), "grad|floating")};
  return table;
}

const std::vector<Bad>& bad_elementwise() {
  static const std::vector<Bad> table = {
      BAD(add(y, v), "add|broadcast"),
      BAD(add(y, d.unsqueeze(0).expand({4, 2, 3}).transpose(0, 1)), "add|broadcast"),
      BAD(sub(y, v), "sub|broadcast"),
      BAD(mul(v, y), "mul|broadcast"),
      BAD(div(y, v), "div|broadcast"),
      BAD(pow(y, v), "pow|broadcast"),
      BAD(maximum(y, v), "maximum|broadcast"),
      BAD(minimum(y, v), "minimum|broadcast"),
      BAD(eq(y, v), "eq|broadcast"),
      BAD(addcmul(y, v, y), "addcmul|broadcast"),
      BAD(addcdiv(y, y, v), "addcdiv|broadcast"),
      BAD(where(m, y, v), "where|broadcast"),
      BAD(masked_fill(y, zeros({4}, TensorOptions(kBool).device(y.device())), 1), "masked_fill|broadcast"),
      BAD(where(y, y, y), "where|bool"),
      BAD(masked_fill(y, y, 1), "masked_fill|bool"),
      BAD(masked_fill(y, n, 1), "masked_fill|bool"),
      BAD(add(m, m, 1.5), "add|alpha"),
      BAD(add(n, n, 1.5), "add|alpha"),
      BAD(sub(n, n, 0.5), "sub|alpha"),
      BAD(sub(m, 1), "sub|bool"),
      BAD(rsub(m, 1), "sub|bool"),
      BAD(neg(m), "neg|bool"),
      BAD(-m, "neg|bool"),
      BAD(sub(m, m), "sub|bool"),
      BAD(addcdiv(n, n, n), "addcdiv|int64"),
      BAD(pow(m, m), "pow|bool")};
  return table;
}

const std::vector<Bad>& bad_in_place() {
  static const std::vector<Bad> table = {
      // The result has another shape than self.
      BAD(s.add_(y), "add|sizes|shape|broadcast"), BAD(v.mul_(y), "mul|sizes|shape|broadcast"),
      BAD(e.add_(y), "add|sizes|shape|broadcast"),
      BAD(v.unsqueeze(0).sub_(q.select(0, 0).unsqueeze(1).expand({3, 4})), "sub|sizes|shape|broadcast"),
      BAD(s.div_(v), "div|sizes|shape|broadcast"), BAD(s.pow_(v), "pow|sizes|shape|broadcast"),
      BAD(s.addcmul_(y, y), "addcmul_|sizes|shape|broadcast"), BAD(s.addcdiv_(y, y), "addcdiv_|sizes|shape|broadcast"),
      BAD(s.masked_fill_(m, 1), "masked_fill_|sizes|shape|broadcast"), BAD(v.copy_(y), "copy_|sizes|shape|broadcast"),
      BAD(s.copy_(v), "copy_|sizes|shape|broadcast"),
      // self cannot hold the result.
      BAD(n.add_(y), "add|cast|float32"), BAD(n.add_(1.5), "add|cast|float"), BAD(n.mul_(y), "mul|cast|float32"),
      BAD(n.div_(2), "div|cast|float"), BAD(n.div_(n), "div|cast|float"), BAD(n.exp_(), "exp_|cast|float"),
      BAD(n.sqrt_(), "sqrt_|cast|float"), BAD(n.sigmoid_(), "sigmoid_|cast|float"), BAD(m.add_(1), "add|cast|int64"),
      BAD(n.pow_(0.5), "pow|cast|float"), BAD(n.clamp_(0.5, 1.5), "clamp_|cast|float"), BAD(m.sub_(m), "sub|bool"),
      BAD(m.neg_(), "neg|bool"),
      // Elements of self share memory.
      BAD(rep.add_(1), "add|memory|overlap|clone"), BAD(rep.copy_(y), "copy_|memory|overlap|clone"),
      BAD(rep.exp_(), "exp_|memory|overlap|clone"), BAD(rep.mul_(y), "mul|memory|overlap|clone"),
      BAD(rep.masked_fill_(m, 1), "masked_fill_|memory|overlap|clone"),
      BAD(rep.uniform_(), "uniform_|memory|overlap|clone"), BAD(rep.normal_(), "normal_|memory|overlap|clone"),
      BAD(rep.index_add_(0, i, y), "index_add_|memory|overlap|clone"),
      // self and an operand overlap in part.
      BAD(v.slice(0, 1, 4).add_(v.slice(0, 0, 3)), "add|overlap|memory"),
      // A leaf that requires a gradient.
      BAD(x.add_(1), "leaf"), BAD(x.zero_(), "leaf"), BAD(x.copy_(y), "leaf"), BAD(x.exp_(), "leaf"),
      BAD(x.mul_(y), "leaf"), BAD(x.fill_(0), "leaf"), BAD(x.uniform_(), "leaf"), BAD(x.normal_(), "leaf"),
      BAD(x[0].add_(1), "leaf"), BAD(x.index_add_(0, i, y), "leaf"), BAD(x.masked_fill_(m, 0), "leaf"),
      BAD(y.fill_(v), "fill_|one|0-dim"), BAD(y.clamp_(std::optional<Scalar>()), "clamp"),
      BAD(y.clamp(std::optional<Scalar>()), "clamp"), BAD(clamp(y, std::optional<Scalar>()), "clamp"),
      BAD(pow(n, -1), "pow|negative"), BAD(n.pow_(-2), "pow|negative")};
  return table;
}

const std::vector<Bad>& bad_reductions() {
  static const std::vector<Bad> table = {BAD(sum(y, 2), "sum|dim"),
                                         BAD(sum(y, -3), "sum|dim"),
                                         BAD(sum(y, kHuge), "sum|dim"),
                                         BAD(sum(y, kLowest), "sum|dim"),
                                         BAD(sum(y, {0, 0}), "sum|dim"),
                                         BAD(sum(y, {0, -2}), "sum|dim"),
                                         BAD(sum(s, 1), "sum|dim"),
                                         BAD(mean(y, 2), "mean|dim"),
                                         BAD(mean(y, {1, 1}), "mean|dim"),
                                         BAD(mean(n), "mean|int64"),
                                         BAD(mean(m), "mean|bool"),
                                         BAD(mean(y, kInt64), "mean|int64"),
                                         BAD(max(y, 2), "max|dim"),
                                         BAD(min(y, -3), "min|dim"),
                                         BAD(amax(y, 2), "amax|dim"),
                                         BAD(amin(y, {0, 0}), "amin|dim"),
                                         BAD(argmax(y, 2), "argmax|dim"),
                                         BAD(argmin(y, -3), "argmin|dim"),
                                         BAD(max(e), "max|empty"),
                                         BAD(min(e), "min|empty"),
                                         BAD(max(e, 0), "max|empty"),
                                         BAD(min(e, 0), "min|empty"),
                                         BAD(amax(e), "amax|empty"),
                                         BAD(amin(e, 0), "amin|empty"),
                                         BAD(argmax(e), "argmax|empty"),
                                         BAD(argmin(e, 0), "argmin|empty"),
                                         BAD(softmax(y, 2), "softmax|dim"),
                                         BAD(softmax(n, 0), "softmax|int64"),
                                         BAD(log_softmax(y, -3), "log_softmax|dim"),
                                         BAD(log_softmax(m, 0), "log_softmax|bool"),
                                         BAD(y.sum_to_size({4}), "sum_to_size"),
                                         BAD(y.sum_to_size({1, 2, 3}), "sum_to_size"),
                                         BAD(y.item(), "item|one element"),
                                         BAD(e.item(), "item|one element"),
                                         BAD(equal(y, u), "undefined")};
  return table;
}

const std::vector<Bad>& bad_linalg() {
  static const std::vector<Bad> table = {
      BAD(mm(y, y), "mm"),
      BAD(mm(y, v), "mm"),
      BAD(mm(s, s), "mm"),
      BAD(mm(b3, y), "mm"),
      BAD(mm(y, d.t()), "mm|dtype"),
      BAD(mm(m, m.t()), "mm|bool"),
      BAD(bmm(y, y), "bmm"),
      BAD(bmm(b3, b3), "bmm"),
      BAD(bmm(b3, b3.slice(0, 0, 1).transpose(1, 2)), "bmm"),
      BAD(bmm(b3, b3.transpose(1, 2).to(kFloat64)), "bmm|dtype"),
      BAD(matmul(y, v), "matmul|mv"),
      BAD(matmul(s, y), "matmul"),
      BAD(matmul(y, s), "matmul"),
      BAD(matmul(v, y), "matmul|mm"),
      BAD(matmul(b3, y), "matmul"),
      BAD(matmul(b3, b3.transpose(1, 2).slice(0, 0, 1).expand({3, 4, 3})), "matmul|broadcast"),
      BAD(matmul(y, d.t()), "matmul|mm|dtype"),
      BAD(mv(y, v), "mv"),
      BAD(mv(v, v), "mv"),
      BAD(mv(y, y), "mv"),
      BAD(dot(v, v.slice(0, 0, 2)), "dot"),
      BAD(dot(y, y), "dot"),
      BAD(dot(s, s), "dot"),
      BAD(dot(v, v.to(kFloat64)), "dot|dtype"),
      BAD(addmm(y, y, y), "addmm"),
      BAD(addmm(v, y, q), "addmm"),
      BAD(addmm(y, v, q), "addmm"),
      BAD(addmm(d, y, q), "addmm|dtype"),
      BAD(addmm(b3, y, q), "addmm"),
      BAD(linear(y, v), "linear"),
      BAD(linear(v, y), "linear"),
      BAD(linear(y, y, v), "linear|addmm"),
      BAD(linear(s, y), "linear"),
      BAD(linear(y, d), "linear|dtype"),
      BAD(linear(y, b3), "linear"),
      BAD(b3.t(), "t")};
  return table;
}

}  // namespace ember::test
