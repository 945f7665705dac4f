// The same random calls on two frameworks. Each case makes its arguments from a Draw, whose numbers depend on the seed
// alone, and returns results; the driver writes what came of it (dtypes, sizes, strides, elements and gradients, or
// that the call was refused), and compare.py compares the two files.
//
// Only <torch/torch.h> is included: built against ember::torch and against LibTorch.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace differential {

using torch::Scalar;
using torch::Tensor;
using Tensors = std::vector<Tensor>;
using Sizes = std::vector<int64_t>;

// Which dtypes a case draws from.
enum class Types { Floating, Wide, Numeric, Integral, All, Bool };  // Wide: float32 and float64

class Draw {
 public:
  explicit Draw(uint64_t seed) : engine_(seed) {}

  int64_t integer(int64_t low, int64_t high);  // both included
  double real(double low, double high);
  bool chance(double p) { return real(0, 1) < p; }
  template <class T>
  T pick(std::vector<T> from) {
    T chosen = from[static_cast<size_t>(integer(0, static_cast<int64_t>(from.size()) - 1))];
    return chosen;
  }
  // Notes an argument for the record, and returns it.
  template <class T>
  T note(const char* name, T value) {
    log_ << ' ' << name << '=' << value;
    return value;
  }

  torch::ScalarType dtype(Types types);
  Sizes shape(int64_t max_rank = 4, int64_t max_size = 4);  // now and then with a size of 0 or 1
  Sizes broadcastable(const Sizes& to);                     // a shape that broadcasts with it, mostly
  // Elements in [low, high], now and then NaN, infinities and zeros; any strides. Floating ones may require gradients.
  Tensor tensor(const Sizes& sizes, torch::ScalarType dtype, double low = -3, double high = 3);
  Tensor tensor(Types types, double low = -3, double high = 3) { return tensor(shape(), dtype(types), low, high); }
  Tensor plain(const Sizes& sizes, torch::ScalarType dtype, double low = -3, double high = 3);  // contiguous, no NaN
  Tensor index(const Sizes& sizes, int64_t bound, bool negative = false);  // int64 in [0, bound) or [-bound, bound)
  int64_t dim(const Tensor& t, bool may_be_wrong = true);
  Sizes dims(const Tensor& t);  // different ones
  Scalar scalar(double low = -3, double high = 3);
  // The tensor with strides of another kind, the same elements.
  Tensor laid_out(const Tensor& t);
  void allow_special(bool allow) { special_ = allow; }
  void allow_gradients(bool allow) { gradients_ = allow; }

  std::string log() const { return log_.str(); }
  const Tensors& leaves() const { return leaves_; }

 private:
  std::mt19937_64 engine_;
  std::ostringstream log_;
  Tensors leaves_;  // those that require gradients
  bool special_ = true;
  bool gradients_ = true;
};

using Case = std::function<Tensors(Draw&)>;
void add_case(std::string name, Case run);

Tensors list(const std::tuple<Tensor, Tensor>& t);
Tensors list(const std::tuple<Tensor, Tensor, Tensor>& t);
Tensor number(double value);  // what is not a tensor, as one
void add_elementwise_cases();
void add_reduction_cases();
void add_shape_cases();
void add_indexing_cases();
void add_linear_algebra_cases();
void add_creation_cases();
void add_loss_cases();

}  // namespace differential
