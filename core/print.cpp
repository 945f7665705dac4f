// Printing tensors, in PyTorch's format: programs read it.
#include <ember/core/backend.h>
#include <ember/core/tensor.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <vector>

namespace ember {

namespace {

// Restores what printing changes in a stream.
class FormatGuard {
 public:
  explicit FormatGuard(std::ostream& out) : out_(out), saved_(nullptr) { saved_.copyfmt(out); }
  ~FormatGuard() { out_.copyfmt(saved_); }
  FormatGuard(const FormatGuard&) = delete;
  FormatGuard& operator=(const FormatGuard&) = delete;

 private:
  std::ostream& out_;
  std::ios saved_;
};

// The elements as double, in row-major order.
std::vector<double> values_of(const Tensor& t) {
  std::vector<char> host;
  const char* data = static_cast<const char*>(t.data_ptr());
  const auto item = static_cast<int64_t>(t.element_size());
  if (!t.is_cpu() && t.numel() != 0) {
    host.resize(static_cast<size_t>(view_extent(t.sizes(), t.strides()) * item));
    backend(t.device().type()).copy_bytes(host.data(), Device(kCPU), data, t.device(), host.size(), false);
    data = host.data();
  }
  std::vector<double> values(static_cast<size_t>(t.numel()));
  const int64_t rank = t.dim();
  int64_t index[kMaxDims] = {};
  for (double& value : values) {
    int64_t offset = 0;
    for (int64_t d = 0; d < rank; ++d) offset += index[d] * t.strides()[static_cast<size_t>(d)];
    value = visit_dtype(t.dtype(), [&]<class T>() {
      T v;
      std::memcpy(&v, data + offset * item, sizeof(v));
      return static_cast<double>(v);
    });
    for (int64_t d = rank - 1; d >= 0; --d) {
      if (++index[d] < t.sizes()[static_cast<size_t>(d)]) break;
      index[d] = 0;
    }
  }
  return values;
}

// How the numbers of one vector or matrix are written.
struct NumberFormat {
  enum class Style { General, Fixed, Scientific } style = Style::General;
  int width = 2;
  double scale = 1;
};

NumberFormat choose_format(const double* values, size_t count) {
  bool all_integers = true;
  bool any = false;
  double smallest = 0;
  double largest = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) continue;
    const double magnitude = std::fabs(values[i]);
    all_integers &= values[i] == std::ceil(values[i]);
    smallest = any ? std::min(smallest, magnitude) : magnitude;
    largest = any ? std::max(largest, magnitude) : magnitude;
    any = true;
  }
  // Digits before the decimal point.
  const auto digits = [](double v) { return v == 0 ? 1 : static_cast<int>(std::floor(std::log10(v))) + 1; };
  const int low = any ? digits(smallest) : 1;
  const int high = any ? digits(largest) : 1;

  using Style = NumberFormat::Style;
  if (all_integers)
    return high > 9 ? NumberFormat{Style::Scientific, 11, 1} : NumberFormat{Style::General, high + 1, 1};
  if (high - low > 4) {
    const bool three_digit_exponent = std::abs(high) > 99 || std::abs(low) > 99;
    return {Style::Scientific, three_digit_exponent ? 12 : 11, 1};
  }
  if (high > 5 || high < 0) return {Style::Fixed, 7, std::pow(10.0, high - 1)};
  return {Style::Fixed, high == 0 ? 7 : high + 6, 1};
}

// The fewest digits that give the number back; with an exponent from 1e16 on and below 1e-4.
void write_shortest(std::ostream& out, double value) {
  if (!std::isfinite(value)) {
    out << value;
    return;
  }
  char text[40];
  const auto scientific = std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific);
  *scientific.ptr = '\0';  // atoi looks for an end
  const int exponent = std::atoi(std::find(text, scientific.ptr, 'e') + 1);
  const auto shown = exponent >= -4 && exponent < 16
                         ? std::to_chars(text, text + sizeof(text), value, std::chars_format::fixed)
                         : scientific;
  out.write(text, shown.ptr - text);
}

void write_scale(std::ostream& out, double scale) {
  const FormatGuard guard(out);
  out << std::defaultfloat << std::setprecision(6) << scale << " *\n";
}

void write_number(std::ostream& out, const NumberFormat& format, double value) {
  switch (format.style) {
    case NumberFormat::Style::General: out << std::defaultfloat << std::setprecision(6); break;
    case NumberFormat::Style::Fixed: out << std::fixed << std::setprecision(4); break;
    case NumberFormat::Style::Scientific: out << std::scientific << std::setprecision(4); break;
  }
  out << std::setw(format.width) << value / format.scale;
}

void write_matrix(std::ostream& out, const double* values, int64_t rows, int64_t columns, int64_t line_size,
                  int indent) {
  const NumberFormat format = choose_format(values, static_cast<size_t>(rows * columns));
  const std::string margin(static_cast<size_t>(indent), ' ');
  const int64_t per_line = std::max<int64_t>(1, (line_size - indent) / (format.width + 1));
  for (int64_t first = 0; first < columns; first += per_line) {
    const int64_t end = std::min(columns, first + per_line);
    if (per_line < columns) {
      if (first != 0) out << '\n';
      out << "Columns " << first + 1 << " to " << end << margin;
    }
    if (format.scale != 1) {
      write_scale(out, format.scale);
      out << margin;
    }
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = first; c < end; ++c) {
        write_number(out, format, values[r * columns + c]);
        out << (c == end - 1 ? '\n' : ' ');
      }
      if (r == rows - 1) continue;
      out << margin;
      if (format.scale != 1) out << ' ';
    }
  }
}

void write_slices(std::ostream& out, const std::vector<double>& values, IntArrayRef sizes, int64_t line_size) {
  const int64_t rows = sizes[sizes.size() - 2];
  const int64_t columns = sizes[sizes.size() - 1];
  const IntArrayRef outer = sizes.slice(0, sizes.size() - 2);
  Dims index(outer.size(), 0);
  for (int64_t left = static_cast<int64_t>(values.size()) / (rows * columns); left > 0; --left) {
    int64_t at = 0;
    for (size_t d = 0; d < outer.size(); ++d) at = at * outer[d] + index[d];
    out << '(';
    for (const int64_t i : index) out << i + 1 << ',';
    out << ".,.) = \n";
    write_matrix(out, values.data() + at * rows * columns, rows, columns, line_size, 1);
    if (left > 1) out << '\n';
    // The first dimension goes the fastest.
    for (size_t d = 0; d < outer.size(); ++d) {
      if (++index[d] < outer[d]) break;
      index[d] = 0;
    }
  }
}

}  // namespace

std::ostream& print(std::ostream& out, const Tensor& t, int64_t linesize) {
  if (!t.defined()) return out << "[ Tensor (undefined) ]";
  const FormatGuard guard(out);
  const std::vector<double> values = values_of(t);
  if (t.dim() == 0) {
    write_shortest(out, values[0]);
    out << '\n';
  } else if (t.dim() == 1) {
    const NumberFormat format = choose_format(values.data(), values.size());
    if (!values.empty() && format.scale != 1) write_scale(out, format.scale);
    for (const double v : values) {
      write_number(out, format, v);
      out << '\n';
    }
  } else if (t.numel() > 0) {
    if (t.dim() == 2) {
      write_matrix(out, values.data(), t.sizes()[0], t.sizes()[1], linesize, 0);
    } else {
      write_slices(out, values, t.sizes(), linesize);
    }
  }
  out << "[ " << t.toString() << '{';
  for (size_t d = 0; d < t.sizes().size(); ++d) out << (d == 0 ? "" : ",") << t.sizes()[d];
  return out << "} ]";
}

std::ostream& operator<<(std::ostream& out, const Tensor& t) { return print(out, t, 80); }

void print(const Tensor& t, int64_t linesize) {
  // No end of line: as PyTorch's, whose text ends with the tensor's type.
  print(std::cout, t, linesize);
}

void Tensor::print() const {
  if (!defined()) {
    std::cerr << "[UndefinedTensor]\n";
  } else {
    std::cerr << '[' << toString() << ' ' << sizes() << "]\n";
  }
}

}  // namespace ember
