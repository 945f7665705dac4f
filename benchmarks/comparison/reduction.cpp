// Reductions, and what works row by row, with its gradient.
#include "harness.h"

namespace comparison {

namespace F = torch::nn::functional;
using torch::Tensor;

namespace {

struct Shape {
  int64_t rows, columns;
  std::string name() const { return std::to_string(rows) + 'x' + std::to_string(columns); }
  int64_t numel() const { return rows * columns; }
};

template <class F>
void add_reduction(const std::string& name, const Shape& shape, F f) {
  const auto x = std::make_shared<Tensor>();
  add("reduction/" + name + '/' + shape.name(), {0, floats(shape.numel()), 0}, [f, x, shape] {
    const torch::NoGradGuard no_grad;
    if (!x->defined()) *x = normal({shape.rows, shape.columns});
    return f(*x);
  });
}

// Forward without recording, and the gradient of the input alone: backward of one recorded result, again and again.
template <class F>
void add_rows(const std::string& name, const Shape& shape, double backward_passes, F f) {
  add_reduction(name + "/forward", shape, f);
  const auto x = std::make_shared<Tensor>(), y = std::make_shared<Tensor>(), g = std::make_shared<Tensor>();
  add("reduction/" + name + "/backward/" + shape.name(), {0, backward_passes * floats(shape.numel()), 0},
      [f, x, y, g, shape] {
        if (!x->defined()) {
          *x = normal({shape.rows, shape.columns}).requires_grad_();
          *y = f(*x);
          *g = y->dim() == 0 ? torch::ones({}) : positive(y->sizes());
        }
        return torch::autograd::grad({*y}, {*x}, {*g}, /*retain_graph=*/true)[0];
      });
}

// A loss recorded, and the gradient of its input by backward(): what a training step pays for it. An element is read
// forward and backward, its gradient written.
template <class F>
void add_loss(const std::string& name, const Shape& shape, double passes, F f) {
  const auto x = std::make_shared<Tensor>();
  add("reduction/" + name + "/forward_backward/" + shape.name(), {0, passes * floats(shape.numel()), 0}, [f, x, shape] {
    if (!x->defined()) *x = normal({shape.rows, shape.columns}).requires_grad_();
    f(*x).backward();
    Tensor grad = x->grad();
    x->mutable_grad().reset();
    return grad;
  });
}

}  // namespace

void register_reduction() {
  for (const Shape& shape : {Shape{128, 512}, Shape{4096, 1024}}) {
    for (const int64_t dim : {1, 0}) {
      const std::string along = dim == 1 ? "_rows" : "_columns";
      add_reduction("sum" + along, shape, [dim](const Tensor& x) { return x.sum(dim); });
      add_reduction("mean" + along, shape, [dim](const Tensor& x) { return x.mean(dim); });
      add_reduction("max" + along, shape, [dim](const Tensor& x) { return std::get<0>(x.max(dim)); });
      add_reduction("argmax" + along, shape, [dim](const Tensor& x) { return x.argmax(dim); });
    }
    add_reduction("sum_all", shape, [](const Tensor& x) { return x.sum(); });
    add_reduction("mean_all", shape, [](const Tensor& x) { return x.mean(); });
    add_reduction("max_all", shape, [](const Tensor& x) { return x.max(); });
    add_reduction("argmax_all", shape, [](const Tensor& x) { return x.argmax(); });
  }
  for (const Shape& shape : {Shape{128, 10}, Shape{512, 512}, Shape{4096, 1024}}) {
    add_rows("softmax", shape, 3, [](const Tensor& x) { return x.softmax(1); });
    add_rows("log_softmax", shape, 3, [](const Tensor& x) { return x.log_softmax(1); });
    add_rows("cross_entropy", shape, 2,
             [target = classes(shape.rows, shape.columns)](const Tensor& x) { return F::cross_entropy(x, target); });
    add_rows("layer_norm", shape, 3,
             [n = shape.columns](const Tensor& x) { return F::layer_norm(x, F::LayerNormFuncOptions({n})); });
  }
  for (const Shape& shape : {Shape{64, 10}, Shape{1000, 1000}}) {
    add_loss("mse_loss", shape, 5,
             [target = positive({shape.rows, shape.columns})](const Tensor& x) { return F::mse_loss(x, target); });
    add_loss("cross_entropy", shape, 3,
             [target = classes(shape.rows, shape.columns)](const Tensor& x) { return F::cross_entropy(x, target); });
  }
}

}  // namespace comparison
