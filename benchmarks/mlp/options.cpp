#include "options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <iostream>
#include <limits>

namespace mlp {
namespace {

// CLI11's own checks let NaN, infinity, "-1" for an unsigned number and "512,,3" through; these do not.
std::string check_positive(const std::string& text) {
  double value = 0;
  const bool ok = CLI::detail::lexical_cast(text, value) && std::isfinite(value) && value > 0;
  return ok ? "" : "must be a number more than 0, got '" + text + "'";
}

std::string check_momentum(const std::string& text) {
  double value = 0;
  const bool ok = CLI::detail::lexical_cast(text, value) && value >= 0 && value < 1;
  return ok ? "" : "must be a number from 0 to less than 1, got '" + text + "'";
}

template <int64_t min, int64_t max>
std::string check_whole(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool ok = error == std::errc() && end == text.data() + text.size() && value >= min && value <= max;
  return ok ? ""
            : "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max) + ", got '" + text +
                  "'";
}
constexpr auto check_count = check_whole<1, int64_t{1} << 40>;

std::string check_not_empty(const std::string& text) { return text.empty() ? "must not be empty" : ""; }

// "512,512"
std::vector<int64_t> parse_sizes(const std::string& text) {
  std::vector<int64_t> sizes;
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, comma - at);
    if (const std::string wrong = check_count(part); !wrong.empty())
      throw CLI::ValidationError("--hidden", "a size " + wrong);
    sizes.push_back(std::stoll(part));
    at = comma + 1;
  }
  return sizes;
}

// An option given to a model or optimizer that has no use for it is a mistake, not something to ignore.
void refuse(const CLI::App& app, const char* option, const std::string& reason) {
  if (app.count(option) != 0) throw CLI::ValidationError(option, reason);
}

void complete(const CLI::App& app, Options& options) {
  if (options.model == "two-layer") {
    for (const char* option : {"--optimizer", "--momentum", "--data", "--epochs"}) {
      refuse(app, option, "is for --model digits; two-layer updates its weights by hand on random data");
    }
    if (options.hidden.empty()) options.hidden = {100};
    if (options.hidden.size() != 1) throw CLI::ValidationError("--hidden", "two-layer has one hidden layer");
    if (options.steps == 0) options.steps = 500;
    if (options.lr == 0) options.lr = 1e-6;
    return;
  }
  if (options.optimizer != "sgd") refuse(app, "--momentum", "is for --optimizer sgd");
  if (options.hidden.empty()) options.hidden = {512, 512};
  if (options.steps == 0 && options.epochs == 0) options.epochs = 20;
  if (options.lr == 0) options.lr = options.optimizer == "sgd" ? 0.1 : 1e-3;
  if (app.count("--momentum") == 0) options.momentum = options.optimizer == "sgd" ? 0.9 : 0;
}

}  // namespace

Parsed parse_options(int argc, char** argv) {
  Options options;
  CLI::App app("Trains a multi-layer perceptron and says how long it took.", "ember_mlp");
  // Without descriptions, which the help would show behind every name.
  const CLI::Validator positive(check_positive, ""), count(check_count, "");

  app.add_option("--model", options.model,
                 "digits: Linear and ReLU layers trained with cross entropy on handwritten digits; "
                 "two-layer: 1000-100-10 by hand on random data")
      ->check(CLI::IsMember({"two-layer", "digits"}))
      ->capture_default_str();
  app.add_option("--device", options.device, "auto is cuda where it can be used, else cpu")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  app.add_option_function<std::string>(
         "--hidden", [&](const std::string& text) { options.hidden = parse_sizes(text); },
         "sizes of the hidden layers (512,512; two-layer 100)")
      ->type_name("N,...");
  app.add_option("--batch", options.batch, "samples in a step")->check(count)->type_name("N")->capture_default_str();
  CLI::Option* epochs =
      app.add_option("--epochs", options.epochs, "passes over the training set (20)")->check(count)->type_name("N");
  app.add_option("--steps", options.steps, "steps, instead of epochs (two-layer 500)")
      ->check(count)
      ->type_name("N")
      ->excludes(epochs);
  app.add_option("--optimizer", options.optimizer, "how digits updates its weights")
      ->check(CLI::IsMember({"sgd", "adam", "adamw"}))
      ->capture_default_str();
  app.add_option("--lr", options.lr, "learning rate (sgd 0.1, adam and adamw 0.001, two-layer 1e-6)")
      ->check(positive)
      ->type_name("X");
  app.add_option("--momentum", options.momentum, "of sgd (0.9)")
      ->check(CLI::Validator(check_momentum, ""))
      ->type_name("X");
  app.add_option("--dtype", options.dtype, "of data, weights and gradients")
      ->check(CLI::IsMember({"float32", "float64", "bfloat16", "float16"}))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "threads of the CPU (OMP_NUM_THREADS, or every core)")
      ->check(CLI::Validator(check_whole<1, 4096>, ""))
      ->type_name("N");
  app.add_option("--seed", options.seed, "of weights and shuffling; the test set does not depend on it")
      ->check(CLI::Validator(check_whole<0, std::numeric_limits<int64_t>::max()>, ""))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--data", options.data, "a directory with the four MNIST IDX files, instead of the UCI digits")
      ->check(CLI::ExistingDirectory.description(""))
      ->type_name("DIR");
  app.add_option("--json", options.json, "write the results to this file too")
      ->check(CLI::Validator(check_not_empty, ""))
      ->type_name("FILE");

  try {
    app.parse(argc, argv);
    complete(app, options);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return {std::nullopt, 0};
  } catch (const CLI::ParseError& error) {
    std::cerr << "ember_mlp: " << error.what() << "\n\n" << app.help();
    return {std::nullopt, 2};
  }
  return {options, 0};
}

}  // namespace mlp
