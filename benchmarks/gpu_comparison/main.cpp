// Ember's side of benchmarks/gpu.
//
//   ember_gpu --list
//   ember_gpu [--rows REGEX] [--repeats N] [--json FILE]   # by itself: a line for each row
//   ember_gpu --serve                                      # commands on standard input, a JSON object for each
//
// With --device cpu and --tiny it can be tried where there is no GPU.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "floors.h"
#include "harness.h"

namespace gpu {

namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) >= ' ') {
      out += c;
    }
  }
  return out + '"';
}

std::string number(double x) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", x);
  return text;
}

std::string json_of(const std::array<double, 4>& sums) {
  return '[' + number(sums[0]) + ", " + number(sums[1]) + ", " + number(sums[2]) + ", " + number(sums[3]) + ']';
}

std::string json_of(const Work& work) {
  std::string out = "{\"bytes\": " + number(work.bytes) + ", \"products\": [";
  for (size_t i = 0; i < work.products.size(); ++i) {
    const auto& [p, times] = work.products[i];
    std::ostringstream text;
    text << (i == 0 ? "" : ", ") << "[\"" << p.dtype << ' ' << p.m << ' ' << p.n << ' ' << p.k << ' ' << p.transpose_a
         << ' ' << p.transpose_b << "\", " << times << ']';
    out += text.str();
  }
  return out + "]}";
}

struct Options {
  Settings settings;
  std::string rows = ".*", json;
  int repeats = 5;
  bool list = false, serve = false;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 == argc) throw std::invalid_argument(option + " needs a value");
      return argv[++i];
    };
    if (option == "--rows") {
      options.rows = value();
    } else if (option == "--json") {
      options.json = value();
    } else if (option == "--repeats") {
      options.repeats = std::max(1, std::stoi(value()));
    } else if (option == "--sample-ms") {
      options.settings.sample_ms = std::stod(value());
    } else if (option == "--device") {
      options.settings.device = ember::Device(value());
    } else if (option == "--tiny") {
      options.settings.tiny = true;
    } else if (option == "--list") {
      options.list = true;
    } else if (option == "--serve") {
      options.serve = true;
    } else {
      throw std::invalid_argument("unknown option " + option);
    }
  }
  options.settings.device = ember::resolve_device(options.settings.device);
  return options;
}

std::vector<Row> make_rows(const Options& options) {
  std::vector<Row> rows;
  const std::regex wanted(options.rows);
  for (auto make : {rows_of_mlps, rows_of_memory, rows_of_host}) {
    for (Row& row : make(options.settings)) {
      if (std::regex_search(row.name, wanted)) rows.push_back(std::move(row));
    }
  }
  return rows;
}

std::string json_of(const std::vector<Row>& rows) {
  std::string out = "{\"rows\": {";
  for (size_t i = 0; i < rows.size(); ++i)
    out += (i == 0 ? "" : ", ") + quoted(rows[i].name) + ": " + json_of(rows[i].work);
  return out + "}}";
}

void empty_caches(const Settings& settings) {
  if (settings.device.is_cuda()) {
    ember::cuda::synchronize();
    ember::cuda::empty_cache();
  }
}

class Server {
 public:
  explicit Server(const Options& options) : settings_(options.settings), rows_(make_rows(options)) {}

  // The answer to one command: "list", "info", "open ROW", "sample ROW", "close ROW", "floor WHAT…".
  std::string answer(const std::string& line) {
    std::istringstream in(line);
    std::string command, name;
    in >> command;
    if (command == "list") return json_of(rows_);
    if (command == "info") {
      return settings_.device.is_cuda() && floors::available() ? '{' + floors::describe() + '}' : "{\"name\": \"CPU\"}";
    }
    in >> name;
    if (command == "floor") return "{\"ns\": " + number(floor(name, in)) + '}';
    if (command == "open") {
      const auto row = std::find_if(rows_.begin(), rows_.end(), [&](const Row& r) { return r.name == name; });
      if (row == rows_.end()) throw std::invalid_argument("there is no row " + name);
      const auto at = opened_.insert_or_assign(name, Opened(*row, settings_)).first;
      return "{\"checksum\": " + json_of(at->second.checksum()) + '}';
    }
    if (command == "sample") return "{\"ns\": " + number(opened_.at(name).sample()) + '}';
    if (command == "close") {
      opened_.erase(name);
      floors::release();
      empty_caches(settings_);
      return "{}";
    }
    throw std::invalid_argument("unknown command " + line);
  }

 private:
  double floor(const std::string& what, std::istream& in) const {
    if (!settings_.device.is_cuda()) throw std::invalid_argument("floors are of the GPU");
    if (what == "launch") return floors::launch(settings_.sample_ms);
    if (what == "graph_node") return floors::graph_node(settings_.sample_ms);
    if (what == "copy") {
      int64_t bytes = 0;
      in >> bytes;
      return floors::copy(bytes, settings_.sample_ms);
    }
    Product p{};
    const auto read_product = [&] {
      return static_cast<bool>(in >> p.dtype >> p.m >> p.n >> p.k >> p.transpose_a >> p.transpose_b);
    };
    if (what == "product" && read_product()) return floors::product(p, settings_.sample_ms);
    if (what != "products") throw std::invalid_argument("there is no floor " + what);
    std::vector<std::pair<Product, int>> all;
    for (int times = 0; read_product() && in >> times;) all.emplace_back(p, times);
    return floors::products(all, settings_.sample_ms);
  }

  Settings settings_;
  std::vector<Row> rows_;
  std::map<std::string, Opened> opened_;
};

void serve(const Options& options) {
  Server server(options);
  for (std::string line; std::getline(std::cin, line);) {
    std::string answer;
    try {
      answer = server.answer(line);
    } catch (const std::exception& error) {
      answer = "{\"error\": " + quoted(error.what()) + '}';
    }
    std::cout << answer << std::endl;
  }
}

// Returns whether every row could be run.
bool run(const Options& options) {
  std::string json;
  bool all = true;
  for (const Row& row : make_rows(options)) {
    if (!json.empty()) json += ",\n";
    json += quoted(row.name) + ": {";
    try {
      Opened opened(row, options.settings);
      std::vector<double> samples;
      for (int i = 0; i < options.repeats; ++i) samples.push_back(opened.sample());
      json += "\"work\": " + json_of(row.work) + ", \"checksum\": " + json_of(opened.checksum()) + ", \"ns\": [";
      for (size_t i = 0; i < samples.size(); ++i) json += (i == 0 ? "" : ", ") + number(samples[i]);
      json += ']';
      std::sort(samples.begin(), samples.end());
      std::printf("%-40s %14.1f ns (%.1f to %.1f)\n", row.name.c_str(), samples[samples.size() / 2], samples.front(),
                  samples.back());
    } catch (const std::exception& error) {
      all = false;
      json += "\"error\": " + quoted(error.what());
      std::printf("%-40s %s\n", row.name.c_str(), error.what());
    }
    std::fflush(stdout);
    json += '}';
    empty_caches(options.settings);
  }
  if (!options.json.empty()) {
    std::ofstream out(options.json);
    out << "{\"rows\": {\n" << json << "\n}}\n";
    if (!out.flush()) throw std::runtime_error("cannot write " + options.json);
  }
  return all;
}

}  // namespace

}  // namespace gpu

int main(int argc, char** argv) {
  try {
    const gpu::Options options = gpu::parse(argc, argv);
    if (options.list) {
      std::cout << gpu::json_of(gpu::make_rows(options)) << '\n';
    } else if (options.serve) {
      gpu::serve(options);
    } else {
      return gpu::run(options) ? 0 : 1;
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "ember_gpu: " << error.what() << '\n';
    return 2;
  }
}
