#include "machine_test.h"

namespace emulator::test {

Program::Program(const std::string& parameters, const std::string& body, const std::string& before) {
  const std::string text = ".version 8.5\n.target sm_90\n.address_size 64\n.file 1 \"here.cu\"\n" + before +
                           "\n.visible .entry k(" + parameters +
                           ")\n{\n"
                           ".reg .pred %p<10>;\n.reg .b16 %h<20>;\n.reg .b32 %r<40>;\n.reg .f32 %f<20>;\n"
                           ".reg .b64 %d<40>;\n.reg .f64 %fd<20>;\n.reg .b32 %tid;\nmov.u32 %tid, %tid.x;\n" +
                           body + "\nret;\n}\n";
  kernel = find_kernel(load_text(text), "k");
}

std::vector<uint64_t> compute(const std::string& op, const std::string& result, const std::vector<std::string>& types,
                              const std::vector<Row>& rows) {
  std::string body =
      "mov.u32 %r1, %ctaid.x;\nmad.lo.u32 %r1, %r1, 128, %tid;\nld.param.u32 %r2, [p2];\n"
      "setp.ge.u32 %p1, %r1, %r2;\n@%p1 exit;\nld.param.u64 %d1, [p0];\nld.param.u64 %d2, [p1];\n"
      "mul.wide.u32 %d3, %r1, " +
      std::to_string(8 * types.size()) +
      ";\nadd.u64 %d1, %d1, %d3;\nmul.wide.u32 %d3, %r1, 8;\nadd.u64 %d2, %d2, %d3;\n";
  std::string operands = "%d20";
  for (size_t n = 0; n < types.size(); ++n) {
    const std::string name = "%d" + std::to_string(10 + n);
    body += "ld.global" + types[n] + " " + name + ", [%d1+" + std::to_string(8 * n) + "];\n";
    operands += ", " + name;
  }
  body += op + " " + operands + ";\nst.global" + result + " [%d2], %d20;\n";
  std::vector<uint64_t> flat;
  for (const Row& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  Array<uint64_t> in(flat), out(rows.size());
  const Program program(".param .u64 p0, .param .u64 p1, .param .u32 p2", body);
  const auto count = static_cast<uint32_t>(rows.size());
  program({(count + 127) / 128, 1, 1}, {128, 1, 1}, in.data(), out.data(), count);
  return out.values();
}

std::vector<Row> product(const std::vector<std::vector<uint64_t>>& columns) {
  std::vector<Row> rows = {{}};
  for (const std::vector<uint64_t>& column : columns) {
    std::vector<Row> longer;
    for (const Row& row : rows) {
      for (const uint64_t v : column) {
        longer.push_back(row);
        longer.back().push_back(v);
      }
    }
    rows = std::move(longer);
  }
  return rows;
}

testing::AssertionResult has(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    if (text.find(part) == std::string::npos) {
      return testing::AssertionFailure() << "no '" << part << "' in '" << text << "'";
    }
  }
  return testing::AssertionSuccess();
}

}  // namespace emulator::test
