#include "train.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>

namespace mlp {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Runs `count` steps, the first of them number `first`, adds their times to the result and returns the last
// loss.
template <class Step>  // fw::Tensor step(int64_t i): the loss
fw::Tensor timed_steps(Result& result, int64_t first, int64_t count, fw::Device device, const OnProgress& progress,
                       Step step) {
  fw::Tensor first_loss, loss;
  for (int64_t done = 0; done < count;) {
    const int64_t n = std::min(result.window, count - done);
    framework::synchronize(device);
    const auto start = Clock::now();
    for (int64_t i = 0; i < n; ++i) {
      loss = step(first + done + i);
      if (!first_loss.defined()) first_loss = loss;
    }
    framework::synchronize(device);
    const double seconds = seconds_since(start);
    result.step_seconds.push_back(seconds / static_cast<double>(n));
    result.train_seconds += seconds;
    if (first + done == 0) result.first_loss = first_loss.template item<double>();
    done += n;
    progress(first + done, result.steps, loss);
  }
  return loss;
}

std::unique_ptr<fw::optim::Optimizer> make_optimizer(const Options& options,
                                                     const std::vector<fw::Tensor>& parameters) {
  using namespace fw::optim;
  if (options.optimizer == "adam") return std::make_unique<Adam>(parameters, AdamOptions(options.lr));
  if (options.optimizer == "adamw") return std::make_unique<AdamW>(parameters, AdamWOptions(options.lr));
  return std::make_unique<SGD>(parameters, SGDOptions(options.lr).momentum(options.momentum));
}

struct Score {
  double loss = 0;
  double accuracy = 0;
};

Score evaluate(fw::nn::Sequential& model, const Examples& examples) {
  fw::NoGradGuard no_grad;
  model->eval();
  constexpr int64_t kChunk = 1000;
  double loss = 0;
  int64_t correct = 0;
  for (int64_t start = 0; start < examples.count(); start += kChunk) {
    const int64_t n = std::min(kChunk, examples.count() - start);
    const fw::Tensor labels = examples.labels.narrow(0, start, n);
    const fw::Tensor scores = model->forward(examples.images.narrow(0, start, n)).to(fw::kFloat32);
    loss += fw::nn::functional::cross_entropy(scores, labels).template item<double>() * static_cast<double>(n);
    correct += scores.argmax(1).eq(labels).sum().template item<int64_t>();
  }
  model->train();
  const auto total = static_cast<double>(examples.count());
  return {loss / total, static_cast<double>(correct) / total};
}

}  // namespace

double step_flops(int64_t batch, const std::vector<int64_t>& sizes) {
  double products = 0;
  for (size_t i = 0; i + 1 < sizes.size(); ++i)
    products += static_cast<double>(sizes[i]) * static_cast<double>(sizes[i + 1]);
  return static_cast<double>(batch) *
         (6 * products - 2 * static_cast<double>(sizes[0]) * static_cast<double>(sizes[1]));
}

Result train_two_layer(const Options& options, fw::Device device, fw::Dtype dtype, const OnProgress& progress) {
  constexpr int64_t kIn = 1000, kOut = 10;
  const int64_t n = options.batch, hidden = options.hidden[0];
  // Drawn on the CPU in float32, so that every device and dtype starts from the same numbers.
  const auto draw = [&](int64_t rows, int64_t columns) {
    return fw::randn({rows, columns}, fw::kFloat32).to(device, dtype);
  };
  const fw::Tensor x = draw(n, kIn);
  const fw::Tensor y = draw(n, kOut);
  fw::Tensor w1 = draw(kIn, hidden).requires_grad_();
  fw::Tensor w2 = draw(hidden, kOut).requires_grad_();

  Result result;
  result.data = "random";
  result.parameters = w1.numel() + w2.numel();
  result.steps = options.steps;
  result.batch = n;
  result.flops_per_step = step_flops(n, {kIn, hidden, kOut});
  result.window = device.is_cuda() ? 10 : 1;
  const fw::Tensor last = timed_steps(result, 0, options.steps, device, progress, [&](int64_t) {
    const fw::Tensor y_pred = x.mm(w1).clamp(0).mm(w2);
    const fw::Tensor loss = (y_pred - y).pow(2).sum();
    loss.backward();
    fw::NoGradGuard no_grad;
    w1 -= options.lr * w1.grad();
    w2 -= options.lr * w2.grad();
    w1.mutable_grad().zero_();
    w2.mutable_grad().zero_();
    return loss.detach();
  });
  result.loss = last.item<double>();
  return result;
}

Result train_digits(const Options& options, fw::Device device, fw::Dtype dtype, const Dataset& data,
                    const OnProgress& progress) {
  const int64_t batch = options.batch;
  const int64_t steps_per_epoch = data.train.count() / batch;
  if (steps_per_epoch == 0) {
    throw std::runtime_error("a batch of " + std::to_string(batch) + " is more than the " +
                             std::to_string(data.train.count()) + " training images");
  }
  std::vector<int64_t> sizes{data.train.images.size(1)};
  sizes.insert(sizes.end(), options.hidden.begin(), options.hidden.end());
  sizes.push_back(10);

  fw::nn::Sequential model;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    if (i != 0) model->push_back(fw::nn::ReLU());
    model->push_back(fw::nn::Linear(sizes[i], sizes[i + 1]));
  }
  model->to(device, dtype);
  fw::nn::CrossEntropyLoss criterion;
  const auto optimizer = make_optimizer(options, model->parameters());

  Result result;
  result.data = data.name;
  for (const fw::Tensor& p : model->parameters()) result.parameters += p.numel();
  result.steps = options.steps != 0 ? options.steps : options.epochs * steps_per_epoch;
  result.batch = batch;
  result.flops_per_step = step_flops(batch, sizes);
  result.window = device.is_cuda() ? 10 : 1;
  for (int64_t first = 0; first < result.steps; first += steps_per_epoch) {
    const auto start = Clock::now();
    const fw::Tensor order = fw::randperm(data.train.count(), fw::kInt64).to(device);
    const fw::Tensor images = data.train.images.index_select(0, order);
    const fw::Tensor labels = data.train.labels.index_select(0, order);
    framework::synchronize(device);
    result.train_seconds += seconds_since(start);
    timed_steps(result, first, std::min(steps_per_epoch, result.steps - first), device, progress, [&](int64_t step) {
      const int64_t at = (step - first) * batch;
      optimizer->zero_grad();
      const fw::Tensor loss = criterion(model->forward(images.narrow(0, at, batch)), labels.narrow(0, at, batch));
      loss.backward();
      optimizer->step();
      return loss.detach();
    });
  }
  const Score train = evaluate(model, data.train), test = evaluate(model, data.test);
  result.loss = train.loss;
  result.train_accuracy = train.accuracy;
  result.test_loss = test.loss;
  result.test_accuracy = test.accuracy;
  return result;
}

}  // namespace mlp
