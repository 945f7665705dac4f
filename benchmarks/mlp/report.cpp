#include "report.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace mlp {
namespace {

template <class... Args>
std::string format(const char* pattern, Args... args) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, args...);
  return text;
}

std::string format_bytes(int64_t bytes) {
  const auto b = static_cast<double>(bytes);
  if (b >= 1024.0 * 1024 * 1024) return format("%.2f GiB", b / (1024.0 * 1024 * 1024));
  if (b >= 1024.0 * 1024) return format("%.1f MiB", b / (1024.0 * 1024));
  return format("%.1f KiB", b / 1024);
}

std::string format_time(double seconds) {
  if (seconds >= 1) return format("%.2f s", seconds);
  if (seconds >= 1e-3) return format("%.3f ms", seconds * 1e3);
  return format("%.1f us", seconds * 1e6);
}

// Nearest rank of sorted values.
double percentile(const std::vector<double>& sorted, double fraction) {
  return sorted[static_cast<size_t>(std::lround(fraction * static_cast<double>(sorted.size() - 1)))];
}

double samples_per_second(const Result& r) { return static_cast<double>(r.steps * r.batch) / r.train_seconds; }

}  // namespace

Progress::Progress()
    : terminal_(isatty(STDOUT_FILENO) != 0), start_(Clock::now()), drawn_(start_ - std::chrono::seconds(1)) {}

void Progress::operator()(int64_t done, int64_t total, const fw::Tensor& loss) {
  const auto now = Clock::now();
  const bool last = done == total;
  const int percent = static_cast<int>(100 * done / total);
  if (!terminal_) {
    if (done * 10 < (lines_ + 1) * total) return;
    lines_ = done * 10 / total;
    std::printf("step %lld of %lld (%d%%)  loss %.6g\n", static_cast<long long>(done), static_cast<long long>(total),
                percent, loss.template item<double>());
    std::fflush(stdout);
    return;
  }
  if (!last && now - drawn_ < std::chrono::milliseconds(100)) return;
  drawn_ = now;
  constexpr int kWidth = 20;
  const int filled = kWidth * percent / 100;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double left = elapsed / static_cast<double>(done) * static_cast<double>(total - done);
  // \033[K clears what a longer line before this one has left.
  std::printf("\r[%s%s] %3d%%  step %lld/%lld  loss %.6g  %s\033[K%s", std::string(filled, '#').c_str(),
              std::string(kWidth - filled, '.').c_str(), percent, static_cast<long long>(done),
              static_cast<long long>(total), loss.template item<double>(),
              last ? format("%.1f s", elapsed).c_str() : format("%.0f s left", left).c_str(), last ? "\n" : "");
  std::fflush(stdout);
}

StepTime summarize(const std::vector<double>& step_seconds) {
  const size_t warm_up = std::min<size_t>(20, step_seconds.size() / 10);
  std::vector<double> sorted(step_seconds.begin() + static_cast<std::ptrdiff_t>(warm_up), step_seconds.end());
  std::sort(sorted.begin(), sorted.end());
  return {percentile(sorted, 0.5), percentile(sorted, 0.1), percentile(sorted, 0.9),
          static_cast<int64_t>(sorted.size())};
}

void print_table(const Report& report) {
  const Result& r = report.result;
  std::vector<std::pair<std::string, std::string>> rows;
  rows.emplace_back("framework", std::string(framework::kName) + " " + framework::version());
  rows.emplace_back("device", report.device.str() + ", " + report.options.dtype + ", " + format("%d", report.threads) +
                                  (report.threads == 1 ? " CPU thread" : " CPU threads"));
  rows.emplace_back("model",
                    report.options.model + ", " + format("%lld parameters", static_cast<long long>(r.parameters)));
  rows.emplace_back("data", r.data + format(", batch %lld, %lld steps", static_cast<long long>(r.batch),
                                            static_cast<long long>(r.steps)));
  rows.emplace_back("loss", format("%.6g at first, %.6g at the end", r.first_loss, r.loss));
  if (r.test_accuracy >= 0) {
    rows.emplace_back("test loss", format("%.6g", r.test_loss));
    rows.emplace_back("accuracy",
                      format("test %.2f%%, training %.2f%%", 100 * r.test_accuracy, 100 * r.train_accuracy));
  }
  rows.emplace_back(
      "step time",
      "median " + format_time(report.step.median) + ", p10 " + format_time(report.step.p10) + ", p90 " +
          format_time(report.step.p90) + format(" (%lld times", static_cast<long long>(report.step.samples)) +
          (r.window > 1 ? format(", each the mean of up to %lld steps)", static_cast<long long>(r.window)) : ")"));
  rows.emplace_back("samples/s", format("%.0f over %s", samples_per_second(r), format_time(r.train_seconds).c_str()));
  rows.emplace_back("GFLOP/s", format("%.2f at the median (%.4g MFLOP a step in matrix products)",
                                      r.flops_per_step / report.step.median * 1e-9, r.flops_per_step * 1e-6));
  std::string memory = "process " + format_bytes(report.process_peak);
  if (report.memory.live >= 0) {
    memory = "tensors " + format_bytes(report.memory.live) + ", reserved " + format_bytes(report.memory.reserved) +
             ", " + memory;
  }
  rows.emplace_back("peak memory", memory);

  size_t width = 0;
  for (const auto& [name, value] : rows) width = std::max(width, name.size());
  std::printf("\n");
  for (const auto& [name, value] : rows)
    std::printf("%-*s  %s\n", static_cast<int>(width), name.c_str(), value.c_str());
  std::fflush(stdout);
}

void write_json(const Report& report) {
  const Options& o = report.options;
  const Result& r = report.result;
  const std::time_t now = std::time(nullptr);
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  nlohmann::ordered_json json = {
      {"framework", framework::kName},
      {"version", framework::version()},
      {"date", date},
      {"model", o.model},
      {"data", r.data},
      {"device", report.device.str()},
      {"dtype", o.dtype},
      {"threads", report.threads},
      {"seed", o.seed},
      {"hidden", o.hidden},
      {"batch", r.batch},
      {"steps", r.steps},
      {"lr", o.lr},
      {"parameters", r.parameters},
      {"first_loss", r.first_loss},
      {"loss", r.loss},
      {"step_seconds",
       {{"median", report.step.median},
        {"p10", report.step.p10},
        {"p90", report.step.p90},
        {"times", report.step.samples},
        {"steps_per_time", r.window}}},
      {"train_seconds", r.train_seconds},
      {"samples_per_second", samples_per_second(r)},
      {"flops_per_step", r.flops_per_step},
      {"gflops", r.flops_per_step / report.step.median * 1e-9},
      {"peak_memory_bytes", {{"process", report.process_peak}}},
  };
  if (o.model == "digits") {
    json["optimizer"] = o.optimizer;
    if (o.optimizer == "sgd") json["momentum"] = o.momentum;
    json["test_loss"] = r.test_loss;
    json["test_accuracy"] = r.test_accuracy;
    json["train_accuracy"] = r.train_accuracy;
  }
  if (report.memory.live >= 0) {
    json["peak_memory_bytes"]["tensors"] = report.memory.live;
    json["peak_memory_bytes"]["reserved"] = report.memory.reserved;
  }
  std::ofstream out(o.json);
  out << json.dump(2) << '\n';
  out.close();
  if (!out) throw std::runtime_error(o.json + ": cannot be written");
}

int64_t process_peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace mlp
